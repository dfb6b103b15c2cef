/** Icons on a grid of 16 x 16: `fill` paths are filled, others are drawn as lines. */
const ICONS = {
  play: { fill: "M4 2.2 13.6 8 4 13.8Z" },
  pause: { fill: "M3.5 2.5h3.2v11H3.5ZM9.3 2.5h3.2v11H9.3Z" },
  start: { fill: "M2.5 3h2v10h-2ZM13.5 3v10L5.7 8Z" },
  loop: { line: "M4 9.5V7a3 3 0 0 1 3-3h6M11 2l2 2-2 2M12 6.500V9a3 3 0 0 1-3 3H3M5 14l-2-2 2-2" },
  in: { line: "M7 2.500H4v11h3M13 8H8M10 6 8 8l2 2" },
  plus: { line: "M8 3v10M3 8h10" },
  minus: { line: "M3 8h10" },
  fit: { line: "M2 3v10M14 3v10M4.5 8h7M6.5 6l-2 2 2 2M9.5 6l2 2-2 2" },
  follow: { line: "M13 2.500v11M2.5 8h7.500M7.5 5.5 10 8l-2.5 2.5" },
  help: { line: "M5.5 6a2.5 2.5 0 1 1 3.800 2.100C8.5 8.600 8 9 8 10M8 12.500v.6" },
  volume: {
    fill: "M1.5 6h2.700L8 2.800v10.400L4.200 10H1.500Z",
    line: "M10.5 5.800a3 3 0 0 1 0 4.400M12.5 3.800a6 6 0 0 1 0 8.400",
  },
  loudness: { line: "M2 6h12M2 10h12" },
  swap: { line: "M2.5 5.500h11M11 3l2.5 2.500L11 8M13.5 10.500h-11M5 8l-2.5 2.500L5 13" },
  sound: { fill: "M1.5 6h2.700L8 2.800v10.400L4.200 10H1.500Z", line: "M10.5 6l4 4M14.5 6l-4 4" },
  folder: { line: "M2 12.500v-9h4l1.500 2H14v7Z" },
  song: { fill: "M6 3.500 12.500 2v8.200a2 1.700 0 1 1-1-1.500V4.600L7 5.600v6a2 1.700 0 1 1-1-1.500Z" },
  check: { line: "M3 8.500 6.500 12 13 4.500" },
  close: { line: "M4 4l8 8M12 4l-8 8" },
  panes: { line: "M2.500 3h11v4h-11ZM2.500 9h11v4h-11Z" },
  settings: { line: "M2 4.500h6M12 4.500h2M10 2.500v4M2 11.500h2M8 11.500h6M6 9.500v4" },
  region: { line: "M3.500 2.500v11M12.500 2.500v11M6 6l-1.500 2L6 10M10 6l1.500 2L10 10M5 8h6" },
  blink: {
    line: "M1.500 8c2-3.300 4.200-4.500 6.500-4.500S12.500 4.700 14.500 8c-2 3.300-4.200 4.500-6.500 4.500S3.500 11.300 1.500 8Z",
    fill: "M8 6a2 2 0 1 1 0 4 2 2 0 0 1 0-4Z",
  },
  note: {
    line: "M6.500 12V3l5.500-1v8.500",
    fill: "M4.500 10.500a2 1.600 0 1 1 0 3.200 2 1.600 0 0 1 0-3.200ZM10 9a2 1.600 0 1 1 0 3.200 2 1.600 0 0 1 0-3.200Z",
  },
  limit: { line: "M2 5h2.500M6.500 5h3M11.500 5H14M8 13V8M6 10l2-2 2 2" },
  segments: { line: "M5 2v2.500M5 6.500v3M5 11.500V14M11 2v2.500M11 6.500v3M11 11.500V14" },
  down: { line: "M8 3v9M4 8l4 4 4-4" },
  up: { line: "M8 13V4M4 8l4-4 4 4" },
  upload: { line: "M8 10V2.500M5 5.500l3-3 3 3M2.500 9.500v4h11v-4" },
  remove: { line: "M3 4.500h10M6.500 4.500v-2h3v2M4.500 4.500l.5 9h6l.5-9M7 7v4M9 7v4" },
} as const satisfies Record<string, { readonly fill?: string; readonly line?: string }>;

export type IconName = keyof typeof ICONS;

const SVG = "http://www.w3.org/2000/svg";

/** Make an icon that screen readers do not read: the control around it has a name. */
export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  for (const [attribute, value] of Object.entries({ class: "snb-icon", viewBox: "0 0 16 16", "aria-hidden": "true" }))
    svg.setAttribute(attribute, value);
  for (const [kind, path] of Object.entries(ICONS[name])) {
    const drawn = document.createElementNS(SVG, "path");
    drawn.setAttribute("class", `snb-icon-${kind}`);
    drawn.setAttribute("d", path);
    svg.append(drawn);
  }
  return svg;
}

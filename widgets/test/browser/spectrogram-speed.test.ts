import { afterEach, expect, test } from "vitest";
import { Scope } from "../../src/afm/scope";
import { columnsOf } from "../../src/data/grid";
import { type TileName, Tiles } from "../../src/data/tiles";
import { Surface } from "../../src/draw/canvas";
import { type Look, type Pane, PaneImage } from "../../src/draw/spectrogram";
import { Viewport } from "../../src/draw/viewport";
import { FakeModel } from "../fake-model";
import { until } from "../player";
import { deflated, noise, tileTraits } from "../tiles";

const RATE = 44_100;
const SIGNALS = 7;
const PANES: Pane[] = Array.from({ length: SIGNALS }, (_, signal) =>
  signal === 6 ? { kind: "mask", signal: 1, other: 0 } : { kind: "level", signal },
);
const LOOK: Look = {
  ...{ yAxis: "log", fmin: 0, fmax: RATE / 2, cmap: "magma" },
  ...{ gainDb: 0, topDb: 80, peakDb: 0, differenceDb: 24 },
};

const scope = new Scope();
afterEach(() => scope.dispose());

/** Ten minutes, and seven panes of 1000 x 140 pixels; `buffers` are tiles of any content. */
class Panes {
  readonly model = new FakeModel(
    tileTraits(SIGNALS, { sample_rate: RATE, frames: 600 * RATE, n_fft: 4096, hop_length: 1024, tile_columns: 256 }),
  );
  readonly tiles = new Tiles(this.model, scope);
  readonly viewport = new Viewport(600 * RATE);
  readonly #images = PANES.map(() => new PaneImage(this.tiles));
  readonly #surfaces = PANES.map(() => {
    const box = document.createElement("div");
    box.style.cssText = "width: 1000px; height: 140px";
    document.body.append(box);
    scope.defer(() => box.remove());
    return new Surface(box, () => undefined, scope);
  });

  async ready(): Promise<void> {
    const { bins, tileColumns } = this.tiles.grid;
    const whole = await Promise.all([1, 2, 3].map((seed) => deflated(noise(tileColumns * bins, seed))));
    this.model.kernel = async ({ tiles }) => {
      for (const [signal, level, index] of tiles as TileName[]) {
        const columns = Math.min(tileColumns, columnsOf(this.tiles.grid, level) - index * tileColumns);
        const last = columns < tileColumns ? await deflated(noise(columns * bins)) : null;
        const tile = { type: "tile", signal, level, index, exact: true };
        this.model.receive(tile as never, [last ?? (whole[(signal + index) % whole.length] as ArrayBuffer)]);
      }
    };
    await until(() => this.#surfaces.every(({ width }) => width > 0));
  }

  draw(look: Look): void {
    for (const [i, image] of this.#images.entries())
      this.tiles.want(image, image.draw(this.#surfaces[i] as Surface, this.viewport, PANES[i] as Pane, look));
  }

  /** Draw so many frames, after `step` has moved the view or chosen a look; tells how long that took. */
  async run(what: string, frames: number, step: (frame: number) => Look): Promise<string> {
    const drawing: number[] = [];
    const between: number[] = [];
    let before = await new Promise<number>(requestAnimationFrame);
    for (let frame = 0; frame < frames; frame++) {
      const look = step(frame);
      const start = performance.now();
      this.draw(look);
      drawing.push(performance.now() - start);
      const now = await new Promise<number>(requestAnimationFrame);
      between.push(now - before);
      before = now;
    }
    return `${what}: drawing ${told(drawing)} ms, from frame to frame ${told(between)} ms`;
  }

  /** Wait until all that is in sight is here. */
  async settle(): Promise<void> {
    this.draw(LOOK);
    await until(() => this.tiles.pending === 0, 20_000);
  }
}

/** "median, 95 %, worst". */
function told(times: readonly number[]): string {
  const sorted = [...times].sort((one, other) => one - other);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
  return `${at(0.5)}, ${at(0.95)}, ${at(1)}`;
}

test("how long seven panes take to draw", { timeout: 120_000 }, async () => {
  const panes = new Panes();
  await panes.ready();
  const { viewport } = panes;
  const middle = 300 * RATE;
  // About a notch of the wheel a frame: all levels are passed.
  const zoom = (factor: number) => () => {
    viewport.zoom(factor, middle);
    return LOOK;
  };
  const pan = (seconds: number) => () => {
    viewport.pan(seconds * RATE);
    return LOOK;
  };
  const report: string[] = [];
  for (const coming of ["first, as tiles come", "again"]) {
    await panes.settle();
    report.push(await panes.run(`zoom in ${coming}`, 120, zoom(1.05)));
    await panes.settle();
    report.push(await panes.run(`zoom out ${coming}`, 120, zoom(1 / 1.05)));
  }
  viewport.show(middle, middle + 30 * RATE);
  await panes.settle();
  report.push(await panes.run("pan as tiles come", 120, pan(0.3)));
  report.push(await panes.run("pan back", 120, pan(-0.3)));
  await panes.settle();
  report.push(await panes.run("gain", 60, (frame) => ({ ...LOOK, gainDb: frame - 30 })));
  report.push(await panes.run("frequency range", 60, (frame) => ({ ...LOOK, fmax: RATE / 2 - 100 * frame })));
  expect(report).toHaveLength(8);
  // biome-ignore lint/suspicious/noConsole: The figures are what this is for; a limit would depend on the machine.
  console.log(["median, 95 %, worst of", ...report].join("\n"));
});

/** Times and levels as people read and hear them. Times are in seconds. */

/** `65.25` -> "1:05.250"; `digits` are those after the point. */
export function formatTime(seconds: number, digits = 3): string {
  const scale = 10 ** digits;
  const total = Math.round(Math.max(seconds, 0) * scale);
  const [minutes, rest] = [Math.floor(total / (60 * scale)), total % (60 * scale)];
  const text = (rest / scale).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  if (minutes < 60) return `${minutes}:${text}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${text}`;
}

/** The inverse of `formatTime`: "1:05.250", "65.25" or "1:01:05"; null for what is no time. */
export function parseTime(text: string): number | null {
  const parts = text.trim().replace(",", ".").split(":");
  if (parts.length > 3 || !parts.every((part, i) => (i < parts.length - 1 ? /^\d+$/ : /^\d+(\.\d*)?$/).test(part)))
    return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

/** `63` -> "1 minute 3 seconds". */
export function spokenTime(seconds: number): string {
  const total = Math.floor(Math.max(seconds, 0));
  const parts = [
    [Math.floor(total / 3600), "hour"],
    [Math.floor(total / 60) % 60, "minute"],
    [total % 60, "second"],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, unit]) => `${count} ${unit}${count === 1 ? "" : "s"}`);
  return said.join(" ") || "0 seconds";
}

/** `63.25` -> "1 minute 3.250 seconds". */
export function spokenExactTime(seconds: number): string {
  const thousandths = Math.round(seconds * 1000);
  const minutes = Math.floor(thousandths / 60_000);
  const rest = `${((thousandths % 60_000) / 1000).toFixed(3)} seconds`;
  return minutes > 0 ? `${spokenTime(60 * minutes)} ${rest}` : rest;
}

/** "8000", "8k" or "0,5 kHz" as Hz; null for what is no frequency. */
export function parseHertz(text: string): number | null {
  const [, digits = "", kilo] = /^(\d+(?:[.,]\d*)?)\s*(k?)(?:hz)?$/i.exec(text.trim()) ?? [];
  return digits ? Number(digits.replace(",", ".")) * (kilo ? 1000 : 1) : null;
}

/** `-6` -> "-6 dB", `1.5` -> "+1.5 dB". */
export function formatDecibels(decibels: number): string {
  const rounded = Math.round(decibels * 10) / 10;
  return `${rounded > 0 ? "+" : ""}${rounded === 0 ? 0 : rounded} dB`;
}

/** `-0.3` -> "L30", `0` -> "C". */
export function formatPan(pan: number): string {
  const percent = Math.round(Math.abs(pan) * 100);
  return percent === 0 ? "C" : `${pan < 0 ? "L" : "R"}${percent}`;
}

export function spokenPan(pan: number): string {
  const percent = Math.round(Math.abs(pan) * 100);
  return percent === 0 ? "centre" : `${percent} % ${pan < 0 ? "left" : "right"}`;
}

/** `1.25` -> "1.25x". */
export function formatSpeed(speed: number): string {
  return `${speed.toFixed(2)}x`;
}

/** `73109797` -> "73 MB". */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  if (bytes < 1e6) return `${Math.round(bytes / 1000)} kB`;
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** How long something takes: `0.4` -> "less than 1 s", `12.3` -> "12 s", `125` -> "2 min 5 s". */
export function formatDuration(seconds: number): string {
  const total = Math.round(seconds);
  if (total < 1) return "less than 1 s";
  if (total < 60) return `${total} s`;
  const minutes = Math.floor(total / 60);
  return minutes < 60 ? `${minutes} min ${total % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

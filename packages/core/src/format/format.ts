/** Formats numbers, sizes and times for people. */

/** Three significant digits: 0.00123, 2.31, 48.2, 1230. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e6) return String(value);
  return Math.abs(value) >= 100 && Math.abs(value) < 1e6
    ? String(Math.round(value))
    : String(Number(value.toPrecision(3)));
}

/** The same with thousands separators: 8,522. */
export function formatGrouped(value: number): string {
  return Math.abs(value) >= 1000 && Math.abs(value) < 1e15
    ? new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 }).format(value)
    : formatNumber(value);
}

/** Metric prefixes, the largest first. */
const PREFIXES = [
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** A count with a metric prefix: 950, 3.2k, 1.3M. */
export function formatCount(value: number): string {
  const prefix = PREFIXES.find(([unit]) => value >= unit);
  return prefix === undefined ? formatNumber(value) : `${(value / prefix[0]).toFixed(1)}${prefix[1]}`;
}

/** A size in binary units: 512 B, 1.5 KiB, 3.2 GiB. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = bytes;
  let unit = 0;
  while (size >= 1024 && unit < units.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(size) : size.toFixed(1)} ${units[unit]!}`;
}

/** A duration: 0.4s, 12s, 1m 20s, 2h 05m. */
export function formatSeconds(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${pad(whole % 60)}s`;
  return `${Math.floor(whole / 3600)}h ${pad(Math.floor((whole % 3600) / 60))}m`;
}

function pad(value: number): string {
  return String(value).padStart(2, "0");
}

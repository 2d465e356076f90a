const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** A time as distance from now; a dash for never. */
export function ago(time: string | null | undefined, now = Date.now()): string {
  if (!time) return "–";
  const seconds = (Date.parse(time) - now) / 1000;
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return "now";
}

/** A time in the reader's own zone. */
export function moment(time: string | null | undefined): string {
  return time ? new Date(time).toLocaleString() : "–";
}

/** The end of a day (YYYY-MM-DD) where the reader is, as the API takes it: the first second of the next. */
export function endOfDay(day: string): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + 1).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Octets in the unit that reads best. */
export function octets(n: number): string {
  if (n < 1024) return `${n} B`;
  if (n < 1024 * 1024) return `${(n / 1024).toFixed(1)} KiB`;
  return `${(n / 1024 / 1024).toFixed(1)} MiB`;
}

/** A number with a word that agrees with it. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}

/** A length of time in seconds, in the one or two units that tell it. */
export function span(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.round(seconds);
  for (const [unit, length] of steps) {
    const n = Math.floor(rest / length);
    if (n > 0 && parts.length < 2) parts.push(counted(n, unit));
    rest -= n * length;
  }
  return parts.join(" ") || "no time";
}

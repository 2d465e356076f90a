const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
  ["second", 1],
];

/** A time as distance from now, with its date where that is a day or more; a dash for never. */
export function ago(time: string | null | undefined, now = Date.now()): string {
  if (!time) return "–";
  const seconds = (Date.parse(time) - now) / 1000;
  for (const [unit, length] of steps) {
    if (Math.abs(seconds) < length) continue;
    const text = relative.format(Math.round(seconds / length), unit);
    return unit === "day" ? `${text} (${day(new Date(time))})` : text;
  }
  return "now";
}

const two = (n: number) => String(n).padStart(2, "0");

/** A day as ISO 8601 writes it, which sorts and means the same to everybody. */
const day = (t: Date) => `${t.getFullYear()}-${two(t.getMonth() + 1)}-${two(t.getDate())}`;

/** How far the reader's own time is from UTC: summer and winter differ, so it is that of the moment. */
function offset(t: Date): string {
  const minutes = -t.getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const [sign, size] = [minutes < 0 ? "−" : "+", Math.abs(minutes)];
  return `UTC${sign}${Math.floor(size / 60)}${size % 60 === 0 ? "" : `:${two(size % 60)}`}`;
}

/** A time in the reader's own zone, which is named. */
export function moment(time: string | null | undefined): string {
  if (!time) return "–";
  const t = new Date(time);
  return `${day(t)} ${clock(t)} ${offset(t)}`;
}

/** The time of day in the reader's own zone. */
export const clock = (t: Date): string => `${two(t.getHours())}:${two(t.getMinutes())}:${two(t.getSeconds())}`;

/** The end of a day (YYYY-MM-DD) where the reader is, as the API takes it: the first second of the next. */
export function endOfDay(day: string): string {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  return new Date(year, month - 1, date + 1).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The last whole day (YYYY-MM-DD) before a moment, where the reader is: what endOfDay was made from. */
export const dayBefore = (time: string): string => day(new Date(Date.parse(time) - 1000));

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

const shape = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d))?(Z|[+-]\d\d:\d\d)?)?$/i;

/** How one is to be written, for those who wrote another. */
export const isoHint = "Write it as 2026-11-30, or 2026-11-30 14:30.";

/**
 * A date, or a date and time, as ISO 8601 writes them: the first moment of the day, minute or second that was written, or with end the first
 * one after it. Without an offset it is in the reader's own zone. Undefined for what is none, such as 30 February.
 */
export function isoMoment(text: string, end = false): Date | undefined {
  const found = shape.exec(text.trim());
  if (!found) return undefined;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = found.slice(1, 7).map((n) => Number(n ?? 0));
  if (month < 1 || month > 12 || day < 1 || day > new Date(year, month, 0).getDate() || hour > 23 || minute > 59 || second > 59) return undefined;
  if (found[4] === undefined) return new Date(year, month - 1, day + (end ? 1 : 0)); // days may have 23 or 25 hours
  const zone = found[7];
  const start = zone ? Date.parse(`${found.slice(1, 4).join("-")}T${found[4]}:${found[5]}:${found[6] ?? "00"}${zone.toUpperCase()}`) : new Date(year, month - 1, day, hour, minute, second).getTime();
  return Number.isNaN(start) ? undefined : new Date(start + (end ? (found[6] === undefined ? 60_000 : 1000) : 0));
}

/** The same as the API takes it; undefined for nothing, and for what is none. */
export const isoParam = (text: string | undefined, end = false): string | undefined => (text === undefined ? undefined : isoMoment(text, end)?.toISOString());

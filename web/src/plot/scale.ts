import { clock } from "../ui/format";

/** A moment in the reader's own zone, as short as it still tells which: the hour, and the day where it is another one. */
export function clockText(t: number, now = Date.now()): string {
  const at = new Date(t);
  const time = clock(at).slice(0, 5);
  return at.toDateString() === new Date(now).toDateString() ? time : `${at.toLocaleDateString([], { day: "numeric", month: "short" })} ${time}`;
}

/** The end of a scale that begins at 0: a round number not below the greatest value. */
export function roundUp(most: number): number {
  if (most <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(most));
  return power * ([1, 2, 2.5, 5, 10].find((m) => m * power >= most) ?? 10);
}

/** Milliseconds in the unit that reads best. */
export function lag(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 3_600_000) return `${Math.round(ms / 60_000)} min`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}

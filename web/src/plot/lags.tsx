import type { Schema } from "../api/client";
import { clockText, lag } from "./scale";

type Course = Schema<"Course">;

/** How far back the plot reaches, in milliseconds. */
const reach = 3_600_000;

/** The least width of a bar, of 1000: what was quick is still to be seen. */
const least = 4;

/**
 * When we had each version, and how long each secondary took for it: a bar begins where we had it and ends where it was seen there. What
 * is not there yet is a bar up to now.
 */
export function Lags(props: { course: Course; now?: number }) {
  const { course, now = Date.now() } = props;
  const from = now - reach;
  const x = (t: number) => Math.max(0, Math.min(1000, ((t - from) / reach) * 1000));
  const versions = course.versions.filter((v) => Date.parse(v.on) >= from);
  if (versions.length === 0 || course.strips.length === 0) return null;
  return (
    <figure className="m-0 flex flex-col gap-1" aria-label="Versions of the last hour, and when each secondary had them">
      <div className="flex items-center gap-3">
        <span className="w-28 shrink-0 truncate text-sm">Our versions</span>
        <svg role="img" aria-label={`${versions.length} versions in the last hour`} viewBox="0 0 1000 10" preserveAspectRatio="none" className="h-4 min-w-0 flex-1">
          {versions.map((v) => (
            <rect key={v.serial} x={x(Date.parse(v.on))} width={least / 2} y={0} height={10} className="plot-main">
              <title>{`${v.serial}, ${clockText(Date.parse(v.on))}`}</title>
            </rect>
          ))}
        </svg>
      </div>
      {course.strips.map((p) => {
        const open = versions.filter((v) => v.taken[p.peer_id] === undefined).length;
        const slowest = Math.max(0, ...versions.map((v) => v.taken[p.peer_id] ?? 0));
        return (
          <div key={p.peer_id} className="flex items-center gap-3">
            <span className="w-28 shrink-0 truncate text-sm" title={p.name}>
              {p.name}
            </span>
            <svg
              role="img"
              aria-label={`${p.name}: ${open > 0 ? `${open} of ${versions.length} versions not there yet` : `all there, the slowest after ${lag(slowest)}`}`}
              viewBox="0 0 1000 10"
              preserveAspectRatio="none"
              className="h-4 min-w-0 flex-1"
            >
              <rect x={0} y={9} width={1000} height={1} className="plot-none" />
              {versions.map((v) => {
                const begin = Date.parse(v.on);
                const took = v.taken[p.peer_id];
                const end = took === undefined ? now : begin + took;
                return (
                  <rect key={v.serial} x={x(begin)} width={Math.max(least, x(end) - x(begin))} y={took === undefined ? 0 : 3} height={took === undefined ? 10 : 6} className={took === undefined ? "plot-bad" : "plot-good"}>
                    <title>{`${v.serial}, ${clockText(begin)}: ${took === undefined ? "not there yet" : `there after ${lag(took)}`}`}</title>
                  </rect>
                );
              })}
            </svg>
          </div>
        );
      })}
      <div aria-hidden className="ml-31 flex justify-between text-xs text-kumo-subtle tabular-nums">
        <span>{clockText(from)}</span>
        <span>now</span>
      </div>
    </figure>
  );
}

import type { Schema } from "../api/client";
import { stateText } from "../ui/state";
import { clockText } from "./scale";

type State = Schema<"SecondaryState">;
type Run = { state: State | null; from: number; to: number };

/** Neighbours in one state as one. */
function runs(states: readonly (string | null)[]): Run[] {
  const out: Run[] = [];
  states.forEach((s, i) => {
    const last = out.at(-1);
    if (last && last.state === s) last.to = i + 1;
    else out.push({ state: s as State | null, from: i, to: i + 1 });
  });
  return out;
}

/** How high a state stands, of 10: what is wrong stands out by more than its colour. */
const heights: Record<string, [height: number, colour: string]> = {
  in_step: [6, "plot-good"],
  behind: [8, "plot-warn"],
  ahead: [8, "plot-warn"],
  no_address: [4, "plot-none"],
};
const bad = [10, "plot-bad"] as const;
const unknown = [1, "plot-none"] as const;

const words = (s: State | null) => (s === null ? "Not known" : stateText(s));

/** How a secondary stood over a day: a cell for each ten minutes, the worst state of it. */
export function Strip(props: { name: string; states: readonly (string | null)[]; end: string; step: number; className?: string }) {
  const { states } = props;
  const list = runs(states);
  const end = Date.parse(props.end);
  const at = (i: number) => clockText(end - (states.length - i) * props.step * 1000);
  const share = (r: Run) => Math.round(((r.to - r.from) * props.step) / 60);
  const sum = new Map<State | null, number>();
  for (const r of list) sum.set(r.state, (sum.get(r.state) ?? 0) + share(r));
  const told = [...sum].map(([s, minutes]) => `${words(s).toLowerCase()} ${minutes >= 60 ? `${Math.round(minutes / 6) / 10} h` : `${minutes} min`}`);
  return (
    <svg
      role="img"
      aria-label={`${props.name}, the last 24 hours: ${told.join(", ")}`}
      viewBox={`0 0 ${states.length} 10`}
      preserveAspectRatio="none"
      className={props.className ?? "h-6 w-full"}
    >
      {list.map((r) => {
        const [height, colour] = r.state === null ? unknown : (heights[r.state] ?? bad);
        return (
          <rect key={r.from} x={r.from} width={r.to - r.from} y={10 - height} height={height} className={colour}>
            <title>{`${at(r.from)} – ${at(r.to)}: ${words(r.state)}`}</title>
          </rect>
        );
      })}
    </svg>
  );
}

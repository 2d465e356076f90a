import { useState, type KeyboardEvent, type PointerEvent } from "react";
import { clockText, roundUp } from "./scale";

export type Class = { label: string; /** Of app.css: plot-… */ colour: string };

type Props = {
  label: string;
  /** One list of values for each cell, oldest first. */
  cells: readonly (readonly number[])[];
  classes: readonly Class[];
  /** The end of the last cell, and the length of each in seconds. */
  end: string;
  step: number;
  /** A value in words. */
  say: (n: number) => string;
  /** Nothing is known of cells that end before. */
  since?: string;
  /** What is said of all of them; their sum, where that means something. */
  told?: string;
};

const height = 96;

/** The least that is shown, in cells. */
const least = 12;

/** The cells without those of before anything was counted, so that what is known does not stand at the edge of a plot of nothing. */
function known({ cells, end, step, since }: Props): Props["cells"] {
  if (since === undefined) return cells;
  const counted = Math.ceil((Date.parse(end) - Date.parse(since)) / (step * 1000));
  return cells.slice(-Math.max(least, Math.ceil(counted * 1.1)));
}

/** Stacked bars over time. What stands at a cell is told by pointing at it, or with the arrow keys. */
export function Bars(props: Props) {
  const { classes } = props;
  const [at, setAt] = useState<number | null>(null);
  const cells = known(props);
  const sums = cells.map((c) => c.reduce((a, b) => a + b, 0));
  const empty = sums.every((s) => s === 0); // a line then: there is nothing to see in a whole plot
  const top = roundUp(Math.max(1, ...sums));
  const end = Date.parse(props.end);
  const begin = (i: number) => end - (cells.length - i) * props.step * 1000;
  const since = props.since ? Date.parse(props.since) : -Infinity;
  const unknown = cells.findIndex((_, i) => begin(i + 1) > since);
  const point = (e: PointerEvent<HTMLDivElement>) => {
    const box = e.currentTarget.getBoundingClientRect();
    setAt(Math.max(0, Math.min(cells.length - 1, Math.floor(((e.clientX - box.left) / box.width) * cells.length))));
  };
  const key = (e: KeyboardEvent) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
    if (by === undefined) return;
    e.preventDefault();
    setAt((i) => Math.max(0, Math.min(cells.length - 1, (i ?? cells.length) + by)));
  };
  const whole = props.told ?? `${props.say(sums.reduce((a, b) => a + b, 0))} in all`;
  return (
    <div className="flex flex-col gap-1">
      <p className="m-0 min-h-5 text-sm text-kumo-subtle tabular-nums" aria-live="polite">
        {at === null
          ? whole
          : `${clockText(begin(at))} – ${clockText(begin(at + 1))}: ${begin(at + 1) <= since ? "not known" : classes.flatMap((c, i) => (cells[at]![i] ? [`${c.label} ${props.say(cells[at]![i]!)}`] : [])).join(", ") || "none"}`}
      </p>
      <div className="flex gap-2">
        <div
          role="group"
          aria-roledescription="chart"
          aria-label={`${props.label}: ${whole}. Arrow keys tell of each bar.`}
          tabIndex={0}
          className="plot-frame relative min-w-0 flex-1"
          onPointerMove={point}
          onPointerLeave={() => setAt(null)}
          onKeyDown={key}
          onBlur={() => setAt(null)}
        >
          <svg aria-hidden viewBox={`0 0 ${cells.length} ${height}`} preserveAspectRatio="none" className={`block w-full ${empty ? "h-3" : "h-24"}`}>
            {unknown > 0 && <rect x={0} y={height - 2} width={unknown} height={2} className="plot-none" />}
            {cells.map((c, i) => {
              let y = height;
              return c.map((v, j) => {
                if (v === 0) return null;
                const h = Math.max((v / top) * height, 1);
                y -= h;
                return <rect key={`${i} ${j}`} x={i + 0.1} width={0.8} y={y} height={h} className={classes[j]!.colour} />;
              });
            })}
            {at !== null && <rect x={at} width={1} y={0} height={height} className="plot-at" />}
          </svg>
        </div>
        <div aria-hidden className={`w-14 flex-col justify-between text-xs text-kumo-subtle tabular-nums ${empty ? "hidden" : "flex"}`}>
          <span>{props.say(top)}</span>
          <span>0</span>
        </div>
      </div>
      <div aria-hidden className={`flex ${empty ? "" : "mr-16"} justify-between text-xs text-kumo-subtle tabular-nums`}>
        <span>{clockText(begin(0))}</span>
        <span>{clockText(begin(cells.length / 2))}</span>
        <span>now</span>
      </div>
    </div>
  );
}

/** What the colours mean, with the sum of each; classes without any are left out. */
export function Legend(props: { classes: readonly Class[]; sums: readonly number[]; say: (n: number) => string }) {
  const there = props.classes.map((c, i) => [c, props.sums[i] ?? 0] as const).filter(([, n]) => n > 0);
  if (there.length === 0) return null;
  return (
    <ul className="m-0 flex list-none flex-wrap gap-x-4 gap-y-1 p-0 text-sm">
      {there.map(([c, n]) => (
        <li key={c.label} className="flex items-center gap-1.5">
          <svg aria-hidden viewBox="0 0 10 10" className="size-2.5">
            <rect width="10" height="10" rx="2" className={c.colour} />
          </svg>
          {c.label} <span className="dim tabular-nums">{props.say(n)}</span>
        </li>
      ))}
    </ul>
  );
}

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client";
import { zoneCurvesQuery, type Curves, type Period } from "../api/insight";
import { Bars, Legend, type Class } from "../plot/bars";
import { lag } from "../plot/scale";
import { counted, octets } from "../ui/format";
import { Card, Loaded, Skeleton } from "../ui/page";
import { PeriodChoice } from "./queries";

const transferClasses: readonly Class[] = [
  { label: "Differences (IXFR)", colour: "plot-main" },
  { label: "Whole zones (AXFR)", colour: "plot-second" },
];

const lagClasses: readonly Class[] = [{ label: "Slowest", colour: "plot-main" }];

const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);

/** What went to secondaries, cell by cell. */
export function TransferBars({ curves: c }: { curves: Curves }) {
  const cells = c.cells.map(({ transfers: t }) => [t.step_octets, t.full_octets]);
  const of = (f: (t: Schema<"TransferCounts">) => number) => sum(c.cells.map((x) => f(x.transfers)));
  const [done, refused, failed] = [of((t) => t.full + t.steps), of((t) => t.refused), of((t) => t.failed)];
  if (done + refused + failed === 0) return <p className="m-0 text-sm text-kumo-subtle">Nobody has transferred anything.</p>;
  return (
    <div className="flex flex-col gap-2">
      <Bars label="Octets transferred" cells={cells} classes={transferClasses} end={c.end} step={c.step} since={c.since} say={octets} />
      <Legend classes={transferClasses} sums={[0, 1].map((i) => sum(cells.map((x) => x[i]!)))} say={octets} />
      <p className="m-0 text-sm">
        {counted(done, "transfer")}
        {refused > 0 && <span className="ml-3 text-kumo-danger">{`${refused} refused`}</span>}
        {failed > 0 && <span className="ml-3 text-kumo-danger">{`${failed} ended early`}</span>}
      </p>
    </div>
  );
}

/** How long versions took to be with secondaries: the slowest of each cell. */
export function LagBars({ curves: c }: { curves: Curves }) {
  const arrivals = sum(c.cells.map((x) => x.lag.arrivals));
  if (arrivals === 0) return <p className="m-0 text-sm text-kumo-subtle">No secondary was seen with a new version.</p>;
  const mean = sum(c.cells.map((x) => (x.lag.mean_ms ?? 0) * x.lag.arrivals)) / arrivals;
  const most = Math.max(...c.cells.map((x) => x.lag.max_ms ?? 0));
  return (
    <Bars
      label="Time until secondaries had a version"
      cells={c.cells.map((x) => [x.lag.max_ms ?? 0])}
      classes={lagClasses}
      end={c.end}
      step={c.step}
      since={c.since}
      say={lag}
      told={`${lag(mean)} on average, ${lag(most)} at most, ${counted(arrivals, "arrival")}`}
    />
  );
}

/** Transfers of a zone, and how long its versions took, over an hour, a day or a month. */
export function CurvesCard({ zone }: { zone: Schema<"Zone"> }) {
  const [period, setPeriod] = useState<Period>("day");
  const curves = useQuery(zoneCurvesQuery(zone.id, period));
  return (
    <Card title="Transfers" actions={<PeriodChoice value={period} onChange={setPeriod} />}>
      <Loaded query={curves} waiting={<Skeleton />}>
        {(c) =>
          c === null ? (
            <p className="m-0 text-sm text-kumo-subtle">This server does not count them.</p>
          ) : (
            <div className="flex flex-col gap-4">
              <TransferBars curves={c} />
              <div>
                <h3 className="mt-0 mb-1 text-sm font-medium">Time until secondaries had a version</h3>
                <LagBars curves={c} />
              </div>
            </div>
          )
        }
      </Loaded>
    </Card>
  );
}

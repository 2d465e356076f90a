import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client";
import { zoneQueriesQuery, type Period, type Queries } from "../api/insight";
import { Bars, Legend, type Class } from "../plot/bars";
import { counted, moment } from "../ui/format";
import { Card, Loaded, Skeleton } from "../ui/page";
import { toUnicode } from "../ui/unicode";

/** What came of queries, in the order in which the API counts them. */
export const classes: readonly Class[] = [
  { label: "Answered", colour: "plot-main" },
  { label: "No such name", colour: "plot-second" },
  { label: "SERVFAIL", colour: "plot-bad" },
  { label: "Refused", colour: "plot-warn" },
  { label: "Other errors", colour: "plot-none" },
];

const words: Record<string, string> = { noerror: "", nxdomain: "no such name", servfail: "SERVFAIL", refused: "refused", other: "error" };

export const number = (n: number) => (n >= 1_000_000 ? `${(n / 1_000_000).toFixed(1)} M` : n >= 10_000 ? `${(n / 1_000).toFixed(1)} k` : n.toLocaleString("en"));

const periods = [
  ["hour", "Hour"],
  ["day", "Day"],
  ["month", "Month"],
] as const;

/** How far back somebody looks: one of three, in one row. */
export function PeriodChoice(props: { value: Period; onChange: (p: Period) => void }) {
  return (
    <div role="group" aria-label="Period" className="period">
      {periods.map(([p, label]) => (
        <button key={p} type="button" aria-pressed={props.value === p} onClick={() => props.onChange(p)}>
          {label}
        </button>
      ))}
    </div>
  );
}

/** Bars by time, and what their colours mean. */
export function QueryBars(props: { label: string; queries: Pick<Queries, "cells" | "end" | "step" | "since" | "total"> }) {
  const q = props.queries;
  return (
    <>
      <Bars label={props.label} cells={q.cells} classes={classes} end={q.end} step={q.step} since={q.since} say={number} />
      <Legend classes={classes} sums={q.total} say={number} />
    </>
  );
}

/** What a zone was asked, what came of it, and which names were asked most. */
export function QueriesCard({ zone }: { zone: Schema<"Zone"> }) {
  const [period, setPeriod] = useState<Period>("hour");
  const queries = useQuery(zoneQueriesQuery(zone.id, period));
  return (
    <Card title="Queries" actions={<PeriodChoice value={period} onChange={setPeriod} />}>
      <Loaded query={queries} waiting={<Skeleton />}>
        {(q) =>
          q === null ? (
            <p className="m-0 text-sm text-kumo-subtle">This server does not count them.</p>
          ) : (
            <div className="flex flex-col gap-3">
              <QueryBars label={`Queries for ${zone.name}`} queries={q} />
              <Names queries={q} zone={zone.name} />
              <p className="m-0 text-sm text-kumo-subtle">{`Answered by this server since ${moment(q.since)}. Secondaries count their own.`}</p>
            </div>
          )
        }
      </Loaded>
    </Card>
  );
}

/** How many names are listed. */
const most = 8;

function Names({ queries: q, zone }: { queries: Queries; zone: string }) {
  if (q.names.length === 0) return null;
  const top = q.names[0]!.count;
  return (
    <div>
      <h3 className="mt-1 mb-2 text-sm font-medium">{`Asked most, of ${counted(q.sampled, "sample")} of this hour and the last`}</h3>
      <ol className="m-0 flex list-none flex-col gap-1 p-0" aria-label="Names asked most">
        {q.names.slice(0, most).map((n) => (
          <li key={`${n.name} ${n.type} ${n.class}`} className="grid grid-cols-[1fr_3rem] items-center gap-3 text-sm">
            <span className="relative min-w-0 px-2 py-0.5">
              <span aria-hidden className="share" style={{ width: `${(n.count / top) * 100}%` }} />
              <span className="relative font-mono break-all">
                {n.name === zone ? toUnicode(n.name) : toUnicode(n.name.endsWith(`.${zone}`) ? n.name.slice(0, -zone.length - 1) : n.name)} <span className="dim">{[n.type, words[n.class] ?? n.class].filter(Boolean).join(", ")}</span>
              </span>
            </span>
            <span className="text-right tabular-nums">{`${Math.round((n.count / Math.max(1, q.sampled)) * 100)} %`}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

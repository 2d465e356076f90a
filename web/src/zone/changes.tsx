import { Link } from "@cloudflare/kumo/components/link";
import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { lastChangesQuery } from "../api/history";
import type { Course } from "../api/insight";
import { by, what, who } from "../history/words";
import { lag } from "../plot/scale";
import { ago, moment } from "../ui/format";
import { Card, Loaded, Skeleton } from "../ui/page";

/** How many changes the overview shows. */
const recent = 8;

/** How far a version has come: how long the slowest took, or how many have it. */
function arrival(course: Course | null, serial: number): string {
  const v = course?.versions.find((x) => x.serial === serial);
  if (!course || !v || course.strips.length === 0) return "";
  const took = course.strips.flatMap((p) => v.taken[p.peer_id] ?? []);
  if (took.length === course.strips.length) return `everywhere after ${lag(Math.max(...took))}`;
  return `at ${took.length} of ${course.strips.length}`;
}

/** Who changed what last, under which serial, and when secondaries had it. */
export function ChangesCard(props: { zone: Schema<"Zone">; base: string; course: Course | null }) {
  const list = useQuery(lastChangesQuery(props.zone.id, recent));
  return (
    <Card title="Last changes" actions={<Link href={`${props.base}/history`}>History</Link>}>
      <Loaded query={list} waiting={<Skeleton />}>
        {({ result: all }) =>
          all.length === 0 ? (
            <p className="m-0 text-sm text-kumo-subtle">Nothing was changed yet.</p>
          ) : (
            <ol className="m-0 flex list-none flex-col p-0">
              {all.map((c) => (
                <li key={c.id} className="grid gap-x-4 border-b border-kumo-hairline py-1.5 text-sm last:border-0 sm:grid-cols-[7rem_minmax(0,1fr)_auto]">
                  <time dateTime={c.when} title={moment(c.when)} className="text-kumo-subtle">
                    {ago(c.when)}
                  </time>
                  {/* Two lines each, however long names are: the whole is a click away. */}
                  <span className="min-w-0">
                    <span className="block truncate" title={[what(c), ...c.first].join(" · ")}>
                      <span className="font-medium">{what(c)}</span>
                      {c.first[0] && <span className="dim ml-2 font-mono">{c.first[0]}</span>}
                    </span>
                    <span className="dim block truncate" title={who(c)}>
                      {[who(c), by(c)].filter(Boolean).join(" ")}
                    </span>
                  </span>
                  {c.from_serial !== c.to_serial && (
                    <span className="dim flex gap-x-2 tabular-nums sm:flex-col sm:text-right">
                      <span>{c.to_serial}</span>
                      <span>{arrival(props.course, c.to_serial)}</span>
                    </span>
                  )}
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
    </Card>
  );
}

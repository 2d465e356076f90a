import { Link } from "@cloudflare/kumo/components/link";
import type { Schema } from "../api/client";
import type { Course } from "../api/insight";
import { Lags } from "../plot/lags";
import { lag } from "../plot/scale";
import { Spark } from "../plot/spark";
import { Strip } from "../plot/strip";
import { ago, counted, octets, span } from "../ui/format";
import { Card } from "../ui/page";
import { StateBadge } from "../ui/state";

type Peer = Schema<"SecondaryPeer">;

/** How urgent each state is. */
const urgency: Schema<"SecondaryState">[] = ["differs", "no_zone", "wrong_key", "refuses", "unreachable", "ahead", "behind", "no_address", "unknown", "in_step"];

export function worstFirst(peers: Peer[]): Peer[] {
  return [...peers].sort((a, b) => urgency.indexOf(a.state) - urgency.indexOf(b.state) || a.name.localeCompare(b.name));
}

/** What is to be said of one in a line: nothing of what is in order but what it took last. */
function line(p: Peer, expire: number | null): string {
  if (p.state === "in_step") return p.last_transfer ? `${p.last_transfer.kind} ${octets(p.last_transfer.bytes)}, ${ago(p.last_transfer.on)}` : "";
  const parts = [p.cause, p.versions_behind ? `${counted(p.versions_behind, "version")} behind` : ""];
  if (expire !== null && p.seconds_behind !== null) {
    const left = expire - p.seconds_behind;
    parts.push(left > 0 ? `expires in ${span(left)}` : "may have expired");
  }
  return parts.filter((x) => x !== "").join(" · ");
}

/** Each secondary in a row: how it stands, how it stood over the day, and what there is to say. */
export function FollowersCard(props: { base: string; peers: Peer[]; course: Course | null; expire: number | null }) {
  const { course } = props;
  const converged = course?.converged;
  return (
    <Card
      title="Secondaries"
      actions={<Link href={`${props.base}/secondaries`}>Details</Link>}
    >
      <ul className="m-0 flex list-none flex-col p-0" aria-label="Secondaries, worst first">
        {worstFirst(props.peers).map((p) => {
          const strip = course?.strips.find((s) => s.peer_id === p.peer_id);
          return (
            <li key={p.peer_id} className="follower">
              <span className="min-w-0 font-medium break-all" title={p.address}>
                {p.name}
              </span>
              <StateBadge state={p.state} />
              <span className="dim min-w-0 flex-1 text-right text-sm break-words">{line(p, props.expire)}</span>
              <span>{course && strip && <Strip name={p.name} states={strip.states} end={course.strip_end} step={course.strip_step} className="block h-5 w-full" />}</span>
            </li>
          );
        })}
      </ul>
      {course && converged && converged.median !== null && converged.p95 !== null && (
        <div className="mt-4 flex flex-wrap items-center gap-x-6 gap-y-2 text-sm">
          <span>
            Everywhere after <strong className="tabular-nums">{lag(converged.median)}</strong> <span className="dim">{`(median of ${counted(converged.last.length, "version")}; 95 % within ${lag(converged.p95)})`}</span>
          </span>
          <Spark label={`Time until all secondaries had each of the last ${counted(converged.last.length, "version")}`} values={[...converged.last].reverse()} />
        </div>
      )}
      {course && (
        <div className="mt-4">
          <Lags course={course} />
        </div>
      )}
    </Card>
  );
}

import type { Signing } from "../api/dnssec";
import { DataTable } from "../ui/data-table";
import { Fact } from "../ui/fact";
import { ago, moment, span } from "../ui/format";
import { Card } from "../ui/page";
import { StateBadge } from "../ui/state";

/** Time left below which somebody should look, in seconds. */
const soon = 3 * 86_400;

/** How long what is handed out stays valid, here and at each secondary. */
export function ExpiryCard({ signing, now = Date.now() }: { signing: Signing; now?: number }) {
  const left = (t: string) => (Date.parse(t) - now) / 1000;
  const most = Math.max(1, ...[signing.expires, ...signing.secondaries.map((s) => s.expires)].flatMap((t) => (t ? [left(t)] : [])));
  return (
    <Card title="Signatures" description="They are renewed by themselves. A secondary that takes no transfer any more keeps those that it has, until they expire.">
      <dl className="m-0 mb-4 flex flex-wrap gap-x-10 gap-y-2">
        <Fact name="First to expire">{signing.expires ? <time dateTime={signing.expires} title={moment(signing.expires)}>{until(left(signing.expires))}</time> : "–"}</Fact>
        <Fact name="Next renewal">{signing.renews ? <time dateTime={signing.renews} title={moment(signing.renews)}>{ago(signing.renews, now)}</time> : "–"}</Fact>
      </dl>
      {signing.secondaries.length === 0 ? (
        <p className="m-0 text-sm text-kumo-subtle">No secondaries are linked.</p>
      ) : (
        <DataTable
          label="Expiry at each secondary"
          rows={signing.secondaries}
          id={(s) => s.peer_id}
          columns={[
            { head: "Secondary", className: "font-medium", cell: (s) => s.name },
            { head: "State", cell: (s) => <StateBadge state={s.state} /> },
            { head: "Serial", named: true, className: "font-mono", cell: (s) => s.serial ?? "–" },
            { head: "Its signatures expire", named: true, cell: (s) => (s.expires ? <Left seconds={left(s.expires)} most={most} at={s.expires} /> : "Not known") },
          ]}
        />
      )}
    </Card>
  );
}

const until = (seconds: number) => (seconds > 0 ? `in ${span(seconds)}` : "expired");

/** A bar that grows shorter, and the time in words. */
function Left({ seconds, most, at }: { seconds: number; most: number; at: string }) {
  const share = Math.max(0, Math.min(1, seconds / most));
  return (
    <span className="flex flex-wrap items-center gap-3" title={moment(at)}>
      <svg aria-hidden viewBox="0 0 100 6" preserveAspectRatio="none" className="h-1.5 w-24 rounded-full bg-kumo-fill">
        <rect width={100 * share} height="6" rx="3" className={seconds < soon ? "fill-kumo-danger" : "fill-kumo-success"} />
      </svg>
      {until(seconds)}
    </span>
  );
}

import { Badge } from "@cloudflare/kumo/components/badge";
import type { ChangePlan, Schema } from "../api/client";
import { LineDiff, RecordDiff, SettingDiff } from "../history/diff";
import { counted } from "../ui/format";
import { Notice } from "../ui/notice";
import { differences } from "./words";

type Zone = Schema<"PlanZone">;
type Face = Schema<"PlanFace">;
type Finding = Schema<"Finding">;
type Set = Schema<"PlanSet">;

/** What a change would do: objects, what is answered and transferred, the serial, and what secondaries would make of it. */
export function PlanView(props: { plan: ChangePlan; /** The records that change stand elsewhere on the page. */ facesOnly?: boolean }) {
  const { plan } = props;
  const { added, changed, removed } = plan.counts;
  const words = [added > 0 && `${added.toLocaleString("en")} added`, changed > 0 && `${changed.toLocaleString("en")} changed`, removed > 0 && `${removed.toLocaleString("en")} deleted`].filter(Boolean);
  return (
    <div className="flex flex-col gap-4 text-sm">
      <p className="m-0 font-medium" role="status">
        {words.length === 0 ? "Nothing would change: it is like that now." : `${words.join(", ")}.`}
      </p>
      {words.length > 0 && plan.zones.length === 0 && <p className="m-0 text-kumo-subtle">Nobody would see it in the DNS, and no secondary gets anything new.</p>}
      {!props.facesOnly && <Objects plan={plan} />}
      {plan.zones.map((z) => (
        <ZonePlan key={z.id} zone={z} named={plan.zones_total > 1} />
      ))}
      {plan.zones_total > plan.zones.length && <p className="m-0 text-kumo-subtle">{`and ${counted(plan.zones_total - plan.zones.length, "more zone")}.`}</p>}
    </div>
  );
}

/** Records and settings as they are and as they would be. */
function Objects({ plan }: { plan: ChangePlan }) {
  const records = plan.objects.filter((o) => o.resource === "dns.record");
  const settings = plan.objects.filter((o) => o.resource.startsWith("zone") && o.action === "change").flatMap((o) => differences(o.before, o.after));
  const total = plan.counts.added + plan.counts.changed + plan.counts.removed;
  return (
    <>
      {records.length > 0 && <RecordDiff changes={records.map((o) => ({ before: o.before as Schema<"Record"> | null, after: o.after as Schema<"Record"> | null }))} />}
      <SettingDiff settings={settings} />
      {plan.objects.length < total && <p className="m-0 text-kumo-subtle">{`The first ${plan.objects.length} of ${total.toLocaleString("en")} are shown.`}</p>}
    </>
  );
}

function ZonePlan({ zone: z, named }: { zone: Zone; named: boolean }) {
  const quiet = z.serial.before === z.serial.after;
  return (
    <section className="flex flex-col gap-3" aria-label={`What becomes of ${z.name}`}>
      {named && <h3 className="m-0 text-base font-medium break-all">{z.name}</h3>}
      {z.refused_by.length > 0 && (
        <Notice variant="error" title={`${z.refused_by.join(", ")} would refuse the zone`} description="Secondaries that run it keep what they have, and let it expire." />
      )}
      <p className="m-0">
        {quiet ? `The serial stays ${z.serial.before}: secondaries get nothing new.` : `The serial goes from ${z.serial.before} to ${z.serial.after}.`}
        {z.notified.length > 0 && ` NOTIFY goes to ${z.notified.join(", ")}.`}
        {z.transfers && " Who may transfer the zone, or is notified, changes."}
        {z.signatures > 0 && ` ${counted(z.signatures, "record")} of signatures and denials come or go.`}
      </p>
      {z.served.count > 0 && <FaceDiff title={z.faces_agree ? "What is answered, and what secondaries get" : "What is answered"} face={z.served} />}
      {!z.faces_agree && z.transferred.count > 0 && <FaceDiff title="What secondaries get" face={z.transferred} />}
      <Findings title={counted(z.review.new_total, "new finding")} list={z.review.new} total={z.review.new_total} />
      <Findings title={`${counted(z.review.gone_total, "finding")} gone`} list={z.review.gone} total={z.review.gone_total} />
      {!z.review.complete && <p className="m-0 text-kumo-subtle">The zone is large: only names that change were looked at.</p>}
    </section>
  );
}

function linesOf(name: string, type: string, set: Set | null): string[] {
  if (set === null) return [];
  const lines = set.data.map((d) => `${name} ${set.ttl} ${type} ${d}`);
  return set.count > set.data.length ? [...lines, `${name} ${type}: ${set.count - set.data.length} more`] : lines;
}

function FaceDiff({ title, face }: { title: string; face: Face }) {
  const sides = face.rrsets.map((s) => {
    const [before, after] = [linesOf(s.name, s.type, s.before), linesOf(s.name, s.type, s.after)];
    return { removed: before.filter((l) => !after.includes(l)), added: after.filter((l) => !before.includes(l)) };
  });
  return (
    <details open={face.count <= 20 || undefined}>
      <summary className="mb-2 cursor-pointer font-medium">{`${title}: ${counted(face.count, "RRset")}`}</summary>
      <div className="max-h-80 overflow-y-auto" tabIndex={0} role="region" aria-label={title}>
        <LineDiff label={title} removed={sides.flatMap((s) => s.removed)} added={sides.flatMap((s) => s.added)} />
      </div>
      {face.rrsets.length < face.count && <p className="mt-2 mb-0 text-kumo-subtle">{`The first ${face.rrsets.length} are shown.`}</p>}
    </details>
  );
}

const severities = { info: ["info", "Info"], warning: ["warning", "Warning"], critical: ["error", "Critical"] } as const;

function Findings({ title, list, total }: { title: string; list: readonly Finding[]; total: number }) {
  if (total === 0) return null;
  return (
    <div>
      <p className="mt-0 mb-1 font-medium">{title}</p>
      <ul className="m-0 flex list-none flex-col gap-1 p-0" aria-label={title}>
        {list.slice(0, 50).map((f, i) => (
          <li key={i}>
            <Badge appearance="dot" variant={severities[f.severity][0]}>{severities[f.severity][1]}</Badge> <span className="font-medium break-all">{`${f.type} ${f.name}`}</span> <span className="break-words">{f.message}</span>
          </li>
        ))}
      </ul>
      {total > 50 && <p className="m-0 text-kumo-subtle">{`and ${total - 50} more.`}</p>}
    </div>
  );
}

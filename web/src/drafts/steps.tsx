import { Button } from "@cloudflare/kumo/components/button";
import { Input } from "@cloudflare/kumo/components/input";
import { Link } from "@cloudflare/kumo/components/link";
import { useState } from "react";
import type { Schema } from "../api/client";
import { applyDraft, approve, unschedule, withdraw, type WholeDraft } from "../api/drafts";
import { useAction } from "../ui/action";
import { ConfirmDialog, FormDialog, FormError } from "../ui/dialogs";
import { ago, counted, moment } from "../ui/format";
import { isoHint, isoMoment } from "../ui/iso";
import { readOnlyText } from "../ui/rights";
import { whoText } from "./words";

type Props = { draft: WholeDraft; zone: Schema<"Zone">; base: string; clashes: number; may: boolean };

/** What there is to do with a draft: somebody's word for it, now or at a time, or no more. */
export function Steps(props: Props) {
  const { draft: d } = props;
  if (d.state === "applied") {
    return (
      <p className="m-0 text-sm">
        {`Applied ${moment(d.applied_on)} under serial ${d.serial}. `}
        <Link href={`${props.base}/history`}>History</Link>
      </p>
    );
  }
  return (
    <div className="flex flex-col gap-4">
      {d.state === "failed" && (
        <p role="alert" className="m-0 text-sm text-kumo-danger">{`It could not be applied at its time: ${d.failure}`}</p>
      )}
      <Approval {...props} />
      <Applying {...props} />
    </div>
  );
}

const staleOf = (d: WholeDraft) => [["drafts", d.zone_id]];

function Approval({ draft: d, may }: Props) {
  const give = useAction({ direct: true, done: "Approved", stale: staleOf(d), run: () => approve(d) });
  const back = useAction({ direct: true, done: "Approval withdrawn", stale: staleOf(d), run: () => withdraw(d) });
  const why = !may ? readOnlyText : d.parts.length === 0 ? "The draft has no parts." : !d.may_approve ? "Whoever has a part in the draft cannot approve it." : undefined;
  return (
    <div className="flex flex-wrap items-center justify-between gap-2">
      <p className="m-0 min-w-0 text-sm break-words">
        {d.approval ? (
          <>
            {`Approved by ${whoText(d.approval.by)}, `}
            <time dateTime={d.approval.on} title={moment(d.approval.on)}>
              {ago(d.approval.on)}
            </time>
            . Any edit voids that.
          </>
        ) : d.needs_approval ? (
          "Somebody who has no part in it, and has taken no part of somebody else's out, has to approve it first."
        ) : (
          "Nobody has approved it; the zone does not ask for that."
        )}
        {!d.approval && why && <span className="block text-kumo-subtle">{why}</span>}
      </p>
      {d.approval ? (
        <Button disabled={!may} title={may ? undefined : readOnlyText} loading={back.busy} onClick={() => back.run()}>
          Withdraw approval
        </Button>
      ) : (
        <Button disabled={why !== undefined} title={why} loading={give.busy} onClick={() => give.run()}>
          Approve
        </Button>
      )}
    </div>
  );
}

function Applying({ draft: d, zone, clashes, may }: Props) {
  const [asked, setAsked] = useState<"now" | "at" | null>(null);
  const cancel = useAction({ direct: true, done: "Not scheduled any more", stale: staleOf(d), run: () => unschedule(d) });
  const why = !may ? readOnlyText : d.parts.length === 0 ? "The draft has no parts." : clashes > 0 ? "Parts clash with what the zone is now." : !d.may_apply ? "It is not approved." : undefined;
  return (
    <div className="flex flex-wrap items-center justify-between gap-2">
      <p className="m-0 min-w-0 text-sm break-words">
        {d.state === "scheduled" ? `It is applied ${moment(d.apply_at)}${d.scheduled_by ? `, as ${whoText(d.scheduled_by)} has set` : ""}. Any edit takes the time back.` : "It is applied as one change under one serial, or not at all."}
        {why && why !== "It is not approved." && <span className="block text-kumo-subtle">{why}</span>}
      </p>
      <div className="flex flex-wrap gap-2">
        {d.state === "scheduled" && (
          <Button disabled={!may} loading={cancel.busy} onClick={() => cancel.run()}>
            Cancel the schedule
          </Button>
        )}
        <Button disabled={why !== undefined} title={why} onClick={() => setAsked("at")}>
          {d.state === "scheduled" ? "Another time" : "Apply at a time"}
        </Button>
        <Button variant="primary" disabled={why !== undefined} title={why} onClick={() => setAsked("now")}>
          Apply now
        </Button>
      </div>
      {asked === "now" && <ApplyNow draft={d} zone={zone} onClose={() => setAsked(null)} />}
      {asked === "at" && <ApplyAt draft={d} onClose={() => setAsked(null)} />}
    </div>
  );
}

function ApplyNow({ draft: d, zone, onClose }: { draft: WholeDraft; zone: Schema<"Zone">; onClose: () => void }) {
  const go = useAction({
    quiet: true,
    direct: true,
    done: (r) => `Applied under serial ${r.serial}`,
    undoIn: zone.id,
    stale: [...staleOf(d), ["records", zone.id], ["history", zone.id], ["dns-settings", zone.id], ["transfer-settings", zone.id], ["four-eyes", zone.id]],
    run: () => applyDraft(d),
    then: onClose,
  });
  return <ConfirmDialog open title={`Apply “${d.name}”`} text={`${counted(d.parts.length, "part")} of the draft become one change of ${zone.name} at once.`} submit="Apply now" busy={go.busy} error={go.error} onClose={onClose} onConfirm={go.run} />;
}

/** A moment as a field of a form holds it, in the reader's own zone. */
function local(t: Date): string {
  return new Date(t.getTime() - t.getTimezoneOffset() * 60_000).toISOString().slice(0, 16).replace("T", " ");
}

const hour = 3_600_000;

function ApplyAt({ draft: d, onClose }: { draft: WholeDraft; onClose: () => void }) {
  const [when, setWhen] = useState(() => (d.apply_at ? local(new Date(d.apply_at)) : local(new Date(Date.now() + hour))));
  const at = isoMoment(when);
  const go = useAction({
    quiet: true,
    direct: true,
    done: (r) => `Scheduled for ${moment(r.apply_at)}`,
    stale: staleOf(d),
    run: () => applyDraft(d, at!.toISOString()),
    then: onClose,
  });
  return (
    <FormDialog
      open
      title="Apply at a time"
      description="All of it becomes one change at that time, once, by whichever server is on duty. If it clashes by then, nothing is done and the draft says why."
      submit="Schedule"
      busy={go.busy}
      error={go.at("/at") ? null : go.error}
      disabled={at === undefined}
      onClose={onClose}
      onSubmit={go.run}
    >
      <Input label={`Time (${Intl.DateTimeFormat().resolvedOptions().timeZone})`} placeholder="YYYY-MM-DD hh:mm" autoComplete="off" required value={when} error={go.at("/at") ?? (at === undefined && when.length >= 16 ? isoHint : undefined)} onChange={(e) => setWhen(e.target.value)} />
    </FormDialog>
  );
}

/** Why parts clash, in one line above them. */
export function ClashNote({ count }: { count: number }) {
  if (count === 0) return null;
  return <FormError error={new Error(`${counted(count, "part")} ${count === 1 ? "clashes" : "clash"} with what the zone is now: somebody has changed it since. Take ${count === 1 ? "it" : "them"} out and make ${count === 1 ? "it" : "them"} anew. Nothing is merged by itself.`)} />;
}

import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Input } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client";
import { revert, type Goal } from "../api/history";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";
import { counted } from "../ui/format";
import { Loaded } from "../ui/page";
import { ObjectDiff, RecordDiff, SettingDiff } from "./diff";

/** Records that are shown of what a revert would do. */
const shown = 200;

/** Shows what going back would do, before it is done: it is a change like any other, under a new serial. */
export function RevertDialog(props: { zone: Schema<"Zone">; goal: Goal; title: string; onClose: () => void }) {
  const { zone, goal } = props;
  const [settings, setSettings] = useState(true);
  const [note, setNote] = useState("");
  const single = "change" in goal;
  const plan = useQuery({
    queryKey: ["revert-plan", zone.id, goal, settings],
    gcTime: 0,
    retry: false,
    queryFn: () => revert(zone.id, goal, { dryRun: true, settings }),
  });
  const act = useAction({
    quiet: true,
    done: (r) => (r.to_serial === r.from_serial ? "Brought back" : `Brought back under serial ${r.to_serial}`),
    stale: [["records", zone.id], ["history", zone.id], ["dns-settings", zone.id], ["secondaries", zone.id], ["zones"]],
    run: () => revert(zone.id, goal, { settings, note: note.trim() }),
    undo: (r) => (r.change === "" ? undefined : () => revert(zone.id, { change: r.change })),
    direct: true,
    then: props.onClose,
  });
  const p = plan.data;
  const count = (p?.records.total ?? 0) + (p?.settings.length ?? 0) + (p?.update_policies.length ?? 0);
  return (
    <FormDialog
      open
      size="xl"
      title={props.title}
      description={single ? "What the change did is taken out again. What was changed since stays as it is." : "Records and settings become what they were. Everything since is taken out again."}
      submit="Bring back"
      busy={act.busy}
      error={act.error}
      disabled={p === undefined || count === 0}
      onClose={props.onClose}
      onSubmit={act.run}
    >
      <Loaded query={plan}>
        {(r) => (
          <>
            <p className="m-0 text-sm" role="status">
              {count === 0
                ? "Nothing would change: it is like that now."
                : `${counted(r.records.total, "record")} and ${counted(r.settings.length, "setting")}${r.update_policies.length > 0 ? `, and ${counted(r.update_policies.length, "update policy", "update policies")},` : ""} change, under serial ${r.to_serial} (now ${r.from_serial}).`}
            </p>
            <div className="flex max-h-80 flex-col gap-3 overflow-y-auto" tabIndex={0} role="region" aria-label="What would change">
              {r.records.total > 0 && (
                <RecordDiff
                  changes={[
                    ...r.records.changed,
                    ...r.records.removed.map((before) => ({ before, after: null })),
                    ...r.records.added.map((after) => ({ before: null, after })),
                  ].slice(0, shown)}
                />
              )}
              {(r.records.truncated || r.records.total > shown) && <p className="m-0 text-sm text-kumo-subtle">{`The first of ${counted(r.records.total, "record")} are shown.`}</p>}
              <SettingDiff settings={r.settings} />
              <ObjectDiff objects={r.update_policies} />
            </div>
            {r.left.length > 0 && <p className="m-0 text-sm text-kumo-subtle">{`Not touched, though it differs: ${r.left.join(", ")}.`}</p>}
          </>
        )}
      </Loaded>
      {!single && <Checkbox label="Settings of the zone, too" checked={settings} onCheckedChange={(v) => setSettings(v === true)} />}
      <Input label="Note (optional)" maxLength={500} placeholder="Why" value={note} onChange={(e) => setNote(e.target.value)} />
    </FormDialog>
  );
}

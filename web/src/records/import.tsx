import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { InputArea } from "@cloudflare/kumo/components/input";
import { Meter } from "@cloudflare/kumo/components/meter";
import { useState } from "react";
import type { Schema } from "../api/client";
import { useCollecting } from "../api/collect";
import { Preview } from "../drafts/preview";
import { doPlan, planImport, importZoneFile, planZoneFile, type Imported, type Plan } from "../api/upload";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog, InfoDialog } from "../ui/dialogs";
import { FileDrop } from "../ui/file-drop";
import { counted } from "../ui/format";
import { ImportPlan, changesIn } from "./import-plan";
import { SerialAhead } from "./serial-ahead";

/** More octets than this are imported without a plan: it would be of more changes than one plan takes. */
const planned = 4 * 1024 * 1024;

const modes = [
  ["add", "Add to what is there"],
  ["replace", "Replace all records of the zone"],
] as const;

/** Imports a BIND file, or its text: first what that comes to is shown, then it is done. */
export function ImportDialog(props: { zone: Schema<"Zone">; onClose: () => void }) {
  const collecting = useCollecting(props.zone.id) !== null;
  const [file, setFile] = useState<File | null>(null);
  const [text, setText] = useState("");
  const [mode, setMode] = useState<(typeof modes)[number][0]>("add");
  const [proxied, setProxied] = useState(false);
  const [share, setShare] = useState<number | null>(null);
  const [plan, setPlan] = useState<Plan | null>(null);
  const [done, setDone] = useState<Imported | null>(null);
  const source: Blob | null = file ?? (text.trim() === "" ? null : new Blob([text]));
  const options = { proxied, replace: mode === "replace" };
  const large = source !== null && source.size > planned && mode === "add";
  const sent = () => setShare(null);
  const look = useAction({
    quiet: true,
    run: (from: Blob) => planZoneFile(props.zone.id, from, options, setShare).finally(sent),
    then: setPlan,
  });
  const stale = [["records", props.zone.id], ["secondaries", props.zone.id]];
  const carryOut = useAction({
    quiet: true,
    stale,
    done: (p: Plan) => `Imported: ${changesIn(p) || "nothing to change"}`,
    undoIn: props.zone.id,
    collected: props.onClose,
    run: (from: Blob) => doPlan(props.zone.id, from, options, setShare).finally(sent),
    then: (p) => (p.serial.ahead ? setPlan(p) : props.onClose()),
  });
  const load = useAction({
    quiet: true,
    stale,
    collected: props.onClose,
    run: (from: Blob) => importZoneFile(props.zone.id, from, { proxied, skipInvalid: true }, setShare).finally(sent),
    then: setDone,
  });
  const meter = share !== null && <Meter label="Sent" value={Math.round(share * 100)} max={100} />;
  if (done !== null || (plan !== null && !plan.dry_run)) {
    return (
      <InfoDialog open onClose={props.onClose} title="Imported">
        {done ? <Outcome imported={done} zone={props.zone.id} /> : plan && <ImportPlan plan={plan} zone={props.zone.id} />}
      </InfoDialog>
    );
  }
  if (plan !== null && source !== null) {
    const changes = changesIn(plan);
    return (
      <FormDialog
        open
        size="xl"
        onClose={props.onClose}
        title="What the import does"
        description="Nothing is changed yet."
        submit={collecting ? "Put into the draft" : plan.refused.count > 0 ? `Import without ${counted(plan.refused.count, "line")}` : "Import"}
        busy={carryOut.busy}
        error={carryOut.error}
        disabled={changes === ""}
        destructive={plan.deleted.count > 0}
        onBack={() => {
          setPlan(null);
          carryOut.reset();
        }}
        onSubmit={() => carryOut.run(source)}
      >
        <ImportPlan plan={plan} zone={props.zone.id} />
        <Preview zone={props.zone.id} of={`import ${plan.serial.before}`} label="Preview answers and secondaries" disabled={changes === ""} plan={() => planImport(props.zone.id, source, options)} />
        {meter}
      </FormDialog>
    );
  }
  return (
    <FormDialog
      open
      onClose={props.onClose}
      title="Import records"
      description={
        large
          ? `This file is too large for a plan: it is imported at once, and lines that are refused are left out and told.${collecting ? " No draft holds as much." : ""}`
          : "First you see what it would add, change and delete, and which lines are refused; nothing is changed before you agree."
      }
      submit={large ? "Import" : "Show what it does"}
      busy={look.busy || load.busy}
      error={look.error ?? load.error}
      disabled={source === null}
      onSubmit={() => source && (large ? load : look).run(source)}
    >
      <FileDrop label="BIND zone file" file={file} onFile={setFile} />
      {file === null && <InputArea label="Or its text" rows={4} spellCheck={false} className="font-mono" value={text} onChange={(e) => setText(e.target.value)} />}
      <Choice label="Records that are there" value={mode} options={modes} onChange={setMode} />
      <Checkbox label="Proxy imported A, AAAA and CNAME records" checked={proxied} onCheckedChange={(v) => setProxied(v === true)} />
      {meter}
    </FormDialog>
  );
}

/** How many records came in, and which lines did not, with the reasons; and the remedy where the file's serial is ahead of the zone's. */
function Outcome({ imported, zone }: { imported: Imported; zone: string }) {
  const { recs_added: added, total_records_parsed: parsed, serial_ahead: ahead } = imported.result;
  return (
    <div role="status" className="text-sm">
      <p className="m-0 font-medium">{`${added} of ${counted(parsed, "record")} ${added === 1 ? "was" : "were"} added.`}</p>
      {imported.messages.length > 0 && (
        <ul className="mt-1 mb-0 max-h-48 list-none overflow-y-auto p-0 text-kumo-subtle" tabIndex={0} aria-label="Left out">
          {imported.messages.map((m, i) => (
            <li key={i} className="break-words">
              {m.message}
            </li>
          ))}
        </ul>
      )}
      {ahead && <SerialAhead ahead={ahead} zone={zone} />}
    </div>
  );
}

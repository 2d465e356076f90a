import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Meter } from "@cloudflare/kumo/components/meter";
import { useState } from "react";
import type { Schema } from "../api/client";
import { importZoneFile, type Imported } from "../api/upload";
import { RaiseSerial } from "../transfers/raise-serial";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";
import { FileDrop } from "../ui/file-drop";
import { counted } from "../ui/format";

/** Imports a BIND file into the zone. */
export function ImportDialog(props: { zone: Schema<"Zone">; onClose: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [proxied, setProxied] = useState(false);
  const [skipInvalid, setSkipInvalid] = useState(false);
  const [share, setShare] = useState<number | null>(null);
  const [done, setDone] = useState<Imported | null>(null);
  const load = useAction({
    quiet: true,
    stale: [["records", props.zone.id]],
    run: (f: File) => importZoneFile(props.zone.id, f, { proxied, skipInvalid }, setShare),
    then: (imported) => {
      setDone(imported);
      setFile(null); // or the same file would go once more
      setShare(null);
    },
  });
  return (
    <FormDialog
      open
      onClose={props.onClose}
      title="Import records"
      description="A file in BIND format is taken as a whole, or not at all."
      submit="Import"
      cancel={done ? "Close" : "Cancel"}
      busy={load.busy}
      error={load.error}
      disabled={file === null}
      onSubmit={() => file && load.run(file)}
    >
      {done && <Outcome imported={done} zone={props.zone.id} />}
      <FileDrop label={done ? "Another BIND zone file" : "BIND zone file"} file={file} onFile={setFile} />
      <Checkbox label="Proxy imported A, AAAA and CNAME records" checked={proxied} onCheckedChange={(v) => setProxied(v === true)} />
      <Checkbox label="Leave out lines that are not valid" checked={skipInvalid} onCheckedChange={(v) => setSkipInvalid(v === true)} />
      {share !== null && <Meter label="Sent" value={Math.round(share * 100)} max={100} />}
    </FormDialog>
  );
}

/** How many records came in, and which lines did not, with the reasons; and the remedy where the file's serial is ahead of the zone's. */
export function Outcome({ imported, zone }: { imported: Imported; zone: string }) {
  const { recs_added: added, total_records_parsed: parsed, serial_ahead: ahead } = imported.result;
  const [raised, setRaised] = useState(false);
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
      {ahead && !raised && (
        <div className="mt-3 flex flex-col items-start gap-2">
          <p className="m-0">{`Secondaries that hold the file's serial ${ahead.file} take no change from here, where it is ${ahead.zone}, until ours has passed it.`}</p>
          <RaiseSerial zone={zone} atLeast={ahead.at_least} then={() => setRaised(true)} />
        </div>
      )}
    </div>
  );
}

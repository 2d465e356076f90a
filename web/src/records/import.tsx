import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Meter } from "@cloudflare/kumo/components/meter";
import { useState } from "react";
import type { Schema } from "../api/client";
import { importZoneFile } from "../api/upload";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";
import { FileDrop } from "../ui/file-drop";

/** Imports a BIND file into the zone. */
export function ImportDialog(props: { zone: Schema<"Zone">; onClose: () => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [proxied, setProxied] = useState(false);
  const [share, setShare] = useState<number | null>(null);
  const [done, setDone] = useState<Schema<"ImportResult"> | null>(null);
  const load = useAction({
    quiet: true,
    done: "Import finished",
    stale: [["records", props.zone.id]],
    run: (f: File) => importZoneFile(props.zone.id, f, proxied, setShare),
    then: setDone,
  });
  return (
    <FormDialog
      open
      onClose={props.onClose}
      title="Import records"
      description="A file in BIND format is taken as a whole, or not at all."
      submit={done ? "Import another" : "Import"}
      busy={load.busy}
      error={load.error}
      disabled={file === null}
      onSubmit={() => file && load.run(file)}
    >
      <FileDrop label="BIND zone file" file={file} onFile={setFile} />
      <Checkbox label="Proxy imported A, AAAA and CNAME records" checked={proxied} onCheckedChange={(v) => setProxied(v === true)} />
      {share !== null && <Meter label="Sent" value={Math.round(share * 100)} max={100} />}
      {done && (
        <p role="status" className="m-0 text-sm">{`${done.recs_added} of ${done.total_records_parsed} records were added.`}</p>
      )}
    </FormDialog>
  );
}

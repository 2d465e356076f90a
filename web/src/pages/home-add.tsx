import { Input } from "@cloudflare/kumo/components/input";
import { Meter } from "@cloudflare/kumo/components/meter";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, result } from "../api/client";
import { importZoneFile } from "../api/upload";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";
import { FileDrop } from "../ui/file-drop";

/** Adds a zone, empty or with the records of a BIND file. */
export function AddZone(props: { account: string; open: boolean; onClose: () => void }) {
  const [name, setName] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [share, setShare] = useState<number | null>(null);
  const navigate = useNavigate();
  const add = useAction({
    quiet: true,
    done: "Zone added",
    stale: [["zones"]],
    run: async () => {
      const zone = await result(api.POST("/client/v4/zones", { body: { name: name.trim(), account: { id: props.account } } }));
      if (file === null) return zone;
      try {
        await importZoneFile(zone.id, file, false, setShare);
      } catch (e) {
        // The file was refused as a whole: without its records the zone is not what was asked for.
        await result(api.DELETE("/client/v4/zones/{zone_id}", { params: { path: { zone_id: zone.id } } }));
        throw e;
      } finally {
        setShare(null);
      }
      return zone;
    },
    then: (zone) => {
      props.onClose();
      setName("");
      setFile(null);
      void navigate({ to: "/$account/$zone/dns/records", params: { account: props.account, zone: zone.name } });
    },
  });
  return (
    <FormDialog
      open={props.open}
      onClose={props.onClose}
      title="Add a zone"
      description="Start with an empty zone, or with the records of a BIND file."
      submit="Add zone"
      busy={add.busy}
      error={add.error}
      onSubmit={add.run}
    >
      <Input
        label="Zone name"
        placeholder="example.com"
        required
        autoComplete="off"
        value={name}
        error={add.at("/name")}
        onChange={(e) => setName(e.target.value)}
      />
      <FileDrop label="BIND zone file (optional)" file={file} onFile={setFile} />
      {share !== null && <Meter label="Importing" value={Math.round(share * 100)} max={100} />}
    </FormDialog>
  );
}

import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Input } from "@cloudflare/kumo/components/input";
import { Meter } from "@cloudflare/kumo/components/meter";
import { SensitiveInput } from "@cloudflare/kumo/components/sensitive-input";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { api, result } from "../api/client";
import { copyZone } from "../api/copy";
import { importZoneFile } from "../api/upload";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog, InfoDialog } from "../ui/dialogs";
import { FileDrop } from "../ui/file-drop";
import { octets } from "../ui/format";

const starts = [
  ["empty", "An empty zone"],
  ["file", "The records of a BIND zone file"],
  ["copy", "A copy from another server"],
] as const;
type Start = (typeof starts)[number][0];

/** What was added, and what there is to say of it. */
type Added = { zone: string; notes: string[] };

const upstream = "https://api.cloudflare.com/client/v4";

/** Adds a zone: empty, with the records of a BIND file, or copied from another server with the same API. */
export function AddZone(props: { account: string; open: boolean; onClose: () => void }) {
  const [start, setStart] = useState<Start>("empty");
  const [name, setName] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [source, setSource] = useState({ url: upstream, token: "" });
  const [transfers, setTransfers] = useState(true);
  const [skip, setSkip] = useState(false);
  const [progress, setProgress] = useState<{ text: string; share?: number } | null>(null);
  const [told, setTold] = useState<Added | null>(null);
  const navigate = useNavigate();

  const fromFile = async (): Promise<Added> => {
    if (start === "file" && file === null) throw new Error("Choose a zone file first.");
    const zone = await result(api.POST("/client/v4/zones", { body: { name: name.trim(), account: { id: props.account } } }));
    if (start !== "file" || file === null) return { zone: zone.name, notes: [] };
    try {
      const imported = await importZoneFile(zone.id, file, { proxied: false, skipInvalid: skip }, (share) => setProgress({ text: "Importing", share }));
      return { zone: zone.name, notes: imported.messages.map((m) => m.message) };
    } catch (e) {
      // The file was refused as a whole: without its records the zone is not what was asked for.
      await result(api.DELETE("/client/v4/zones/{zone_id}", { params: { path: { zone_id: zone.id } } }));
      throw e;
    }
  };
  const fromServer = async (): Promise<Added> => {
    const { step, notes } = await copyZone(props.account, { source, zone: name.trim(), transfers, skip_invalid: skip }, (s) =>
      setProgress({ text: s.octets > 0 ? `${s.text}: ${octets(s.octets)} read` : s.text }),
    );
    const zone = await result(api.GET("/client/v4/zones/{zone_id}", { params: { path: { zone_id: step.zone_id ?? "" } } }));
    return { zone: zone.name, notes };
  };
  const show = (zone: string) => {
    setTold(null);
    void navigate({ to: "/$account/$zone/dns/records", params: { account: props.account, zone } });
  };
  const add = useAction({
    quiet: true,
    done: "Zone added",
    stale: [["zones"], ["tsigs"], ["peers"], ["acls"]],
    run: () => (start === "copy" ? fromServer() : fromFile()).finally(() => setProgress(null)),
    then: (added) => {
      props.onClose();
      setName("");
      setFile(null);
      setSource({ url: upstream, token: "" });
      if (added.notes.length === 0) show(added.zone);
      else setTold(added);
    },
  });
  return (
    <>
      <FormDialog
        open={props.open}
        onClose={() => {
          setSource((s) => ({ ...s, token: "" })); // a secret does not wait behind a closed dialog
          add.reset();
          props.onClose();
        }}
        title="Add a zone"
        submit={start === "copy" ? "Copy zone" : "Add zone"}
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
          error={add.at("/name") ?? add.at("/zone")}
          onChange={(e) => setName(e.target.value)}
        />
        <Choice label="Start with" value={start} options={starts} onChange={setStart} />
        {start === "file" && (
          <>
            <FileDrop label="BIND zone file" file={file} onFile={setFile} />
            <Checkbox label="Leave out lines that are not valid" checked={skip} onCheckedChange={(v) => setSkip(v === true)} />
          </>
        )}
        {start === "copy" && (
          <>
            <Input
              label="Address of the other server's API"
              required
              value={source.url}
              error={add.at("/source/url")}
              onChange={(e) => setSource({ ...source, url: e.target.value })}
            />
            <SensitiveInput
              label="API token there"
              description="It must be able to read the zone. It is used for this copy and not kept."
              autoComplete="off"
              value={source.token}
              error={add.at("/source/token")}
              onValueChange={(token) => setSource({ ...source, token })}
            />
            <Checkbox label="Copy TSIGs, peers, ACLs and linked peers, too" checked={transfers} onCheckedChange={(v) => setTransfers(v === true)} />
            <Checkbox label="Leave out records that cannot be imported" checked={skip} onCheckedChange={(v) => setSkip(v === true)} />
          </>
        )}
        {progress !== null && (
          <div role="status">
            {progress.share === undefined ? (
              <p className="m-0 text-sm text-kumo-subtle">{progress.text}</p>
            ) : (
              <Meter label={progress.text} value={Math.round(progress.share * 100)} max={100} />
            )}
          </div>
        )}
      </FormDialog>
      <InfoDialog open={told !== null} onClose={() => told && show(told.zone)} title="Added, but not everything" description="This was left out.">
        <ul className="m-0 max-h-80 list-none overflow-y-auto p-0 text-sm">
          {told?.notes.map((n) => (
            <li key={n} className="border-b border-kumo-hairline py-1 break-words">
              {n}
            </li>
          ))}
        </ul>
      </InfoDialog>
    </>
  );
}

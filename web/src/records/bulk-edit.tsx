import { Input } from "@cloudflare/kumo/components/input";
import { useState } from "react";
import { api, planOf, result, type Schema } from "../api/client";
import { Preview } from "../drafts/preview";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";
import { counted } from "../ui/format";
import { ttls } from "./types";

type Held = Schema<"Record">;
type Patch = Schema<"RecordPatch"> & { id: string };

/** What is to be changed of each; what is empty stays. */
type Wish = { proxied: string; ttl: string; comment: string; tags: string };

const split = (tags: string) => tags.split(",").map((t) => t.trim()).filter((t) => t !== "");

/** The change of one record; null where it would change nothing. */
function patchOf(r: Held, w: Wish): Patch | null {
  const p: Patch = { id: r.id };
  if (w.proxied !== "" && r.proxiable && String(r.proxied) !== w.proxied) p.proxied = w.proxied === "true";
  const proxied = p.proxied ?? r.proxied;
  if (w.ttl !== "" && !proxied && String(r.ttl) !== w.ttl) p.ttl = Number(w.ttl);
  if (p.proxied) p.ttl = 1; // the TTL of what is proxied is not for choosing
  if (w.comment !== "" && r.comment !== w.comment) p.comment = w.comment;
  const missing = split(w.tags).filter((t) => !r.tags.includes(t));
  if (missing.length > 0) p.tags = [...r.tags, ...missing];
  return Object.keys(p).length > 1 ? p : null;
}

/** Changes proxy status, TTL, comment and tags of many records as one change, which one change takes back. */
export function BulkEdit(props: { zone: Schema<"Zone">; records: Held[]; onClose: () => void; onDone: () => void }) {
  const { zone, records } = props;
  const [wish, setWish] = useState<Wish>({ proxied: "", ttl: "", comment: "", tags: "" });
  const patches = records.flatMap((r) => patchOf(r, wish) ?? []);
  const send = (list: Patch[], headers: Record<string, string> = {}) =>
    result(api.POST("/client/v4/zones/{zone_id}/dns_records/batch", { params: { path: { zone_id: zone.id } }, headers, body: { patches: list } }));
  const save = useAction({
    quiet: true,
    done: (_, list) => `${counted(list.length, "record")} changed`,
    stale: [["records", zone.id]],
    run: (list: Patch[]) => send(list),
    undoIn: zone.id,
    then: () => {
      props.onDone();
      props.onClose();
    },
  });
  const set = (change: Partial<Wish>) => setWish((w) => ({ ...w, ...change }));
  return (
    <FormDialog
      open
      title={`Edit ${counted(records.length, "record")}`}
      description="What you leave as it is stays. All of them are changed, or none."
      submit={`Change ${counted(patches.length, "record")}`}
      busy={save.busy}
      error={save.error}
      disabled={patches.length === 0}
      onClose={props.onClose}
      onSubmit={() => save.run(patches)}
    >
      <Choice
        label="Proxy status"
        value={wish.proxied}
        options={[
          ["", "As it is"],
          ["true", "Proxied (A, AAAA and CNAME)"],
          ["false", "DNS only"],
        ]}
        onChange={(proxied) => set({ proxied })}
      />
      <Choice label="TTL" value={wish.ttl} options={[["", "As it is"], ...ttls]} onChange={(ttl) => set({ ttl })} />
      <Input label="Comment" placeholder="As it is" value={wish.comment} onChange={(e) => set({ comment: e.target.value })} />
      <Input label="Add tags" placeholder="name:value, name:value" value={wish.tags} onChange={(e) => set({ tags: e.target.value })} />
      <Preview zone={zone.id} of={JSON.stringify(patches)} disabled={patches.length === 0} plan={() => planOf((headers) => send(patches, headers))} />
    </FormDialog>
  );
}

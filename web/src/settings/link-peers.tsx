import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, planOf, result, type Schema } from "../api/client";
import { Preview } from "../drafts/preview";
import { peersQuery, tsigsQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { FormDialog } from "../ui/dialogs";

/** Chooses which peers get the zone. Without any, the account's ACLs alone decide. */
export function LinkPeers(props: { zone: Schema<"Zone">; account: string; outgoing: Schema<"Outgoing"> | null; onClose: () => void }) {
  const { zone, account, outgoing } = props;
  const peers = useQuery(peersQuery(account)).data ?? [];
  const keys = useQuery(tsigsQuery(account)).data ?? [];
  const [chosen, setChosen] = useState<string[]>(outgoing?.peers ?? []);
  const send = (headers: Record<string, string> = {}) => {
    const request = { params: { path: { zone_id: zone.id } }, headers, body: { name: zone.name, peers: chosen } };
    return outgoing
      ? result(api.PUT("/client/v4/zones/{zone_id}/secondary_dns/outgoing", request))
      : result(api.POST("/client/v4/zones/{zone_id}/secondary_dns/outgoing", request));
  };
  const save = useAction({
    quiet: true,
    done: "Linked peers saved",
    stale: [["outgoing", zone.id], ["outgoing-status", zone.id], ["secondaries", zone.id]],
    run: () => send(),
    then: props.onClose,
  });
  const text = (p: Schema<"Peer">) => {
    const key = keys.find((k) => k.id === p.tsig_id)?.name ?? "no TSIG";
    return `${p.name} (${p.ip ?? "no address"}, ${key})`;
  };
  return (
    <FormDialog
      open
      onClose={props.onClose}
      title="Manage linked peers"
      description="If one linked peer has a TSIG, all must have the same."
      submit="Save"
      busy={save.busy}
      error={save.error}
      onSubmit={save.run}
    >
      {peers.length === 0 ? (
        <p className="m-0 text-sm">
          There are no peers yet. <Link href={`/${account}/configurations/dns-zone-transfers?tab=peers`}>Create one</Link>.
        </p>
      ) : (
        <Checkbox.Group legend="Peer DNS servers" value={chosen} onValueChange={setChosen}>
          {peers.map((p) => (
            <Checkbox.Item key={p.id} value={p.id} label={text(p)} />
          ))}
        </Checkbox.Group>
      )}
      {peers.length > 0 && <Preview zone={zone.id} of={`peers ${chosen.join()}`} plan={() => planOf(send)} />}
    </FormDialog>
  );
}

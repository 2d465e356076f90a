import { Button } from "@cloudflare/kumo/components/button";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { peersQuery, peerTransportsQuery, peerUsesQuery, tsigsQuery } from "../api/queries";
import { counted } from "../ui/format";
import { Loaded } from "../ui/page";
import { ConfigDialog } from "./config-dialog";
import { PeerForm } from "./peer-form";
import { ResourceTable } from "./resource-table";

type Transport = Schema<"PeerTransportOf">;

/** The account's secondaries. */
export function Peers(props: { account: string }) {
  const peers = useQuery(peersQuery(props.account));
  const keys = useQuery(tsigsQuery(props.account)).data ?? [];
  const uses = useQuery(peerUsesQuery(props.account)).data ?? [];
  const held = useQuery(peerTransportsQuery(props.account));
  const transportOf = (id: string | undefined) => held.data?.find((t) => t.peer_id === id);
  const [shown, setShown] = useState<Schema<"Peer"> | null>(null);
  const key = keys.find((k) => k.id === shown?.tsig_id) ?? null;
  return (
    <>
    <Loaded query={peers}>
      {(list) => (
        <ResourceTable
          account={props.account}
          items={list}
          noun="peer"
          about="A peer DNS server is a secondary: where NOTIFY goes, and from where and with which TSIG it may transfer the zones that it is linked to."
          first={["Create the key first, under TSIG, unless the secondary asks unsigned.", "Create the peer with the secondary's address and key.", "Link it to zones, each under its DNS settings, and switch their outgoing transfers on."]}
          stale={[["peers", props.account]]}
          remove={(peer_id) =>
            result(
              api.DELETE("/client/v4/accounts/{account_id}/secondary_dns/peers/{peer_id}", {
                params: { path: { account_id: props.account, peer_id } },
              }),
            )
          }
          columns={[
            { head: "Name", cell: (p) => <span className="font-medium">{p.name}</span> },
            { head: "IP", cell: (p) => addressText(p) },
            { head: "TSIG", cell: (p) => keys.find((k) => k.id === p.tsig_id)?.name ?? "–" },
            { head: "IXFR", cell: (p) => (p.ixfr_enable ? "Enabled" : "Not enabled") },
            { head: "Transport", cell: (p) => transportText(transportOf(p.id)) },
            { head: "DNSSEC", cell: (p) => (p.dnssec === "stripped" ? "Stripped" : "Signed") },
            { head: "Used by", cell: (p) => <Use account={props.account} use={uses.find((u) => u.peer_id === p.id)} /> },
          ]}
          extra={(p) => (
            <Button size="sm" onClick={() => setShown(p)} aria-label={`Configuration of ${p.name}`}>
              Configuration
            </Button>
          )}
          form={(item, close) => (
            <Loaded query={held} waiting={null}>
              {() => <PeerForm account={props.account} item={item} transport={transportOf(item?.id)} keys={keys} onClose={close} />}
            </Loaded>
          )}
        />
      )}
    </Loaded>
      <ConfigDialog account={props.account} open={shown !== null} tsig={key} onClose={() => setShown(null)} />
    </>
  );
}

/** Where NOTIFY goes; the port only where it is not that of DNS. */
function addressText(p: Schema<"Peer">): string {
  if (!p.ip) return "–";
  return (p.port ?? 53) === 53 ? p.ip : `${p.ip} port ${p.port}`;
}

/** What a peer's transfers may come by, in short, and NOTIFY where that is not in clear. */
function transportText(t: Transport | undefined): string {
  if (t === undefined) return "–";
  const parts = [t.transport === "tls" ? "TLS" : "Any"];
  if (t.client_keys.length > 0) parts.push(counted(t.client_keys.length, "client key"));
  if (t.client_names.length > 0) parts.push("named");
  if (t.notify.transport === "tls") parts.push("NOTIFY by TLS");
  return parts.join(", ");
}

/** The zones that a peer is linked to: the first with a link to its settings, and how many more. */
function Use(props: { account: string; use: Schema<"PeerUse"> | undefined }) {
  if (props.use === undefined) return "–";
  const { zones, first_zone: first } = props.use;
  return (
    <>
      <Link href={`/${props.account}/${first}/dns/settings`}>{first}</Link>
      {zones > 1 && ` and ${counted(zones - 1, "more zone")}`}
    </>
  );
}

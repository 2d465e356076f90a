import { Button } from "@cloudflare/kumo/components/button";
import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Input } from "@cloudflare/kumo/components/input";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { peersQuery, peerUsesQuery, tsigsQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";
import { counted } from "../ui/format";
import { Loaded } from "../ui/page";
import { ConfigDialog } from "./config-dialog";
import { ResourceTable } from "./resource-table";

/** The account's secondaries. */
export function Peers(props: { account: string }) {
  const peers = useQuery(peersQuery(props.account));
  const keys = useQuery(tsigsQuery(props.account)).data ?? [];
  const uses = useQuery(peerUsesQuery(props.account)).data ?? [];
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
            { head: "IP", cell: (p) => p.ip ?? "–" },
            { head: "Port", cell: (p) => p.port ?? 53 },
            { head: "TSIG", cell: (p) => keys.find((k) => k.id === p.tsig_id)?.name ?? "–" },
            { head: "IXFR", cell: (p) => (p.ixfr_enable ? "Enabled" : "Not enabled") },
            { head: "Used by", cell: (p) => <Use account={props.account} use={uses.find((u) => u.peer_id === p.id)} /> },
          ]}
          extra={(p) => (
            <Button size="sm" onClick={() => setShown(p)} aria-label={`Configuration of ${p.name}`}>
              Configuration
            </Button>
          )}
          form={(item, close) => <PeerForm account={props.account} item={item} keys={keys} onClose={close} />}
        />
      )}
    </Loaded>
      <ConfigDialog account={props.account} open={shown !== null} tsig={key} onClose={() => setShown(null)} />
    </>
  );
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

function PeerForm(props: { account: string; item: Schema<"Peer"> | null; keys: Schema<"TSIG">[]; onClose: () => void }) {
  const [name, setName] = useState(props.item?.name ?? "");
  const [ip, setIP] = useState(props.item?.ip ?? "");
  const [port, setPort] = useState(String(props.item?.port ?? 53));
  const [tsig, setTSIG] = useState(props.item?.tsig_id ?? "none");
  const [ixfr, setIXFR] = useState(props.item?.ixfr_enable ?? true);
  const save = useAction({
    quiet: true,
    done: "Peer saved",
    stale: [["peers", props.account], ["outgoing"], ["secondaries"]],
    run: () => {
      const body = {
        name,
        ixfr_enable: ixfr,
        ip: ip.trim() === "" ? null : ip.trim(),
        port: port.trim() === "" ? null : Number(port),
        tsig_id: tsig === "none" ? null : tsig,
      };
      const path = { account_id: props.account };
      return props.item
        ? result(api.PUT("/client/v4/accounts/{account_id}/secondary_dns/peers/{peer_id}", { params: { path: { ...path, peer_id: props.item.id } }, body }))
        : result(api.POST("/client/v4/accounts/{account_id}/secondary_dns/peers", { params: { path }, body }));
    },
    then: props.onClose,
  });
  return (
    <FormDialog open onClose={props.onClose} title={props.item ? "Edit peer" : "Create peer"} submit="Save" busy={save.busy} error={save.error} onSubmit={save.run}>
      <Input label="Peer name" required value={name} error={save.at("/name")} onChange={(e) => setName(e.target.value)} />
      <div className="grid gap-4 sm:grid-cols-[2fr_1fr]">
        <Input label="IP address" placeholder="192.0.2.53" value={ip} error={save.at("/ip")} onChange={(e) => setIP(e.target.value)} />
        <Input label="Port" inputMode="numeric" value={port} error={save.at("/port")} onChange={(e) => setPort(e.target.value)} />
      </div>
      <Choice
        label="TSIG"
        value={tsig}
        options={[["none", "None"], ...props.keys.map((k) => [k.id, k.name] as const)]}
        error={save.at("/tsig_id")}
        onChange={setTSIG}
      />
      <Checkbox label="Enable incremental (IXFR) zone transfers" checked={ixfr} onCheckedChange={(v) => setIXFR(v === true)} />
    </FormDialog>
  );
}

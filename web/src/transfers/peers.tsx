import { Button } from "@cloudflare/kumo/components/button";
import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Input, InputArea } from "@cloudflare/kumo/components/input";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { peersQuery, peerTransportsQuery, peerUsesQuery, tsigsQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";
import { counted } from "../ui/format";
import { Loaded } from "../ui/page";
import { ConfigDialog } from "./config-dialog";
import { ResourceTable } from "./resource-table";

type Transport = Schema<"PeerTransportOf">;
const unset = { transport: "any", client_keys: [], dnssec: "signed" } satisfies Partial<Transport>;

/** What each choice means for who transfers. */
const transports = {
  any: "Zones may be transferred to it in clear, by TCP, as well as by TLS.",
  tls: "Zones go to its address by TLS alone: what comes in clear is refused, even where an ACL lets the address in.",
};
const contents = {
  signed: "It gets signed zones with their signatures and keys, and answers with those.",
  stripped: "For one that signs by itself: it gets signed zones without our signatures and keys. Have it transfer its zones anew after a switch.",
};

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

/** What a peer's transfers may come by, in short. */
function transportText(t: Transport | undefined): string {
  if (t?.transport !== "tls") return t === undefined ? "–" : "Any";
  return t.client_keys.length === 0 ? "TLS" : `TLS, ${counted(t.client_keys.length, "client key")}`;
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

type FormProps = { account: string; item: Schema<"Peer"> | null; transport?: Transport; keys: Schema<"TSIG">[]; onClose: () => void };

/** Writes a peer, and its transport, which is a resource of its own, where that is not as it was seen; gives what to call with the two. */
function usePeerWrite(props: FormProps, seen: Pick<Transport, "transport" | "client_keys">) {
  const client = useQueryClient();
  const [made, setMade] = useState(props.item?.id);
  const path = { account_id: props.account };
  const put = async (body: Schema<"PeerWrite">) => {
    if (made !== undefined) {
      await result(api.PUT("/client/v4/accounts/{account_id}/secondary_dns/peers/{peer_id}", { params: { path: { ...path, peer_id: made } }, body }));
      return made;
    }
    const { id } = await result(api.POST("/client/v4/accounts/{account_id}/secondary_dns/peers", { params: { path }, body }));
    // Where the second step fails, the peer that was made is the one that is written in the next try, and it is in the list.
    setMade(id);
    void client.invalidateQueries({ queryKey: ["peers", props.account] });
    return id;
  };
  return async (peer: Schema<"PeerWrite">, { transport, client_keys }: Pick<Transport, "transport" | "client_keys">) => {
    const same = transport === seen.transport && client_keys.join() === seen.client_keys.join();
    const putTransport = (peer_id: string) =>
      same ? null : result(api.PUT("/headwater/v1/accounts/{account_id}/peers/{peer_id}/transport", { params: { path: { ...path, peer_id } }, body: { transport, client_keys } }));
    // What closes a way comes first and what opens one last: should the second step fail, no more is open than somebody wanted.
    if (made !== undefined && transport === "tls") {
      await putTransport(made);
      return put(peer);
    }
    const id = await put(peer);
    await putTransport(id);
    return id;
  };
}

function PeerForm(props: FormProps) {
  // As it was when the form was opened: what somebody else changes meanwhile is not written back.
  const [seen] = useState(props.transport ?? unset);
  const [name, setName] = useState(props.item?.name ?? "");
  const [ip, setIP] = useState(props.item?.ip ?? "");
  const [port, setPort] = useState(String(props.item?.port ?? 53));
  const [tsig, setTSIG] = useState(props.item?.tsig_id ?? "none");
  const [ixfr, setIXFR] = useState(props.item?.ixfr_enable ?? true);
  const [transport, setTransport] = useState(seen.transport);
  const [clientKeys, setClientKeys] = useState(seen.client_keys.join("\n"));
  const [dnssec, setDNSSEC] = useState(seen.dnssec);
  const lines = clientKeys.split(/[\s,]+/).filter((k) => k !== "");
  const write = usePeerWrite(props, seen);
  const save = useAction({
    quiet: true,
    done: "Peer saved",
    stale: [["peers", props.account], ["outgoing"], ["secondaries"]],
    run: () =>
      write(
        {
          name,
          ixfr_enable: ixfr,
          ip: ip.trim() === "" ? null : ip.trim(),
          port: port.trim() === "" ? null : Number(port),
          tsig_id: tsig === "none" ? null : tsig,
          ...(dnssec !== seen.dnssec && { dnssec }),
        },
        { transport, client_keys: transport === "tls" ? lines : [] },
      ),
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
      <Choice
        label="Transport"
        value={transport}
        options={[["any", "Any"], ["tls", "TLS alone"]]}
        description={transports[transport]}
        error={save.at("/transport")}
        onChange={setTransport}
      />
      {transport === "tls" && (
        <InputArea
          label="Client keys, one a line (optional)"
          description="With any, it must also show a certificate of its own with one of these keys: SHA-256 digests in base64, as headwater cert pin tells them."
          className="font-mono"
          rows={2}
          value={clientKeys}
          error={save.at("/client_keys") ?? lines.map((_, i) => save.at(`/client_keys/${i}`)).find(Boolean)}
          onChange={(e) => setClientKeys(e.target.value)}
        />
      )}
      <Choice
        label="DNSSEC"
        value={dnssec}
        options={[["signed", "Signed"], ["stripped", "Stripped"]]}
        description={contents[dnssec]}
        error={save.at("/dnssec")}
        onChange={setDNSSEC}
      />
      <Checkbox label="Enable incremental (IXFR) zone transfers" checked={ixfr} onCheckedChange={(v) => setIXFR(v === true)} />
    </FormDialog>
  );
}

import { Checkbox } from "@cloudflare/kumo/components/checkbox";
import { Input } from "@cloudflare/kumo/components/input";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";
import { changesOf, draftOf, TransportFields, unset } from "./transport-fields";

const contents = {
  signed: "It gets signed zones with their signatures and keys, and answers with those.",
  stripped: "For one that signs by itself: it gets signed zones without our signatures and keys. Have it transfer its zones anew after a switch.",
};

type FormProps = { account: string; item: Schema<"Peer"> | null; transport?: Schema<"PeerTransportOf">; keys: Schema<"TSIG">[]; onClose: () => void };

/** Writes a peer, and its transport, which is a resource of its own, where that changes; gives what to call with the two. */
function usePeerWrite(props: FormProps) {
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
  const putTransport = async (peer_id: string, change: Partial<Schema<"PeerTransport">> | null) => {
    if (change === null) return;
    const at = { params: { path: { ...path, peer_id } } };
    // What has to be in a request and is not changed by this one is as it is by now.
    const ways = async () => {
      const { transport, client_keys } = await result(api.GET("/headwater/v1/accounts/{account_id}/peers/{peer_id}/transport", at));
      return { transport, client_keys };
    };
    const { transport, ...rest } = { ...(change.transport === undefined && (await ways())), ...change };
    await result(api.PUT("/headwater/v1/accounts/{account_id}/peers/{peer_id}/transport", { ...at, body: { transport: transport ?? "any", ...rest } }));
  };
  return async (peer: Schema<"PeerWrite">, change: Partial<Schema<"PeerTransport">> | null) => {
    // What closes a way comes first and what opens one last: should the second step fail, no more is open than somebody wanted.
    if (made !== undefined && change?.transport === "tls") {
      await putTransport(made, change);
      return put(peer);
    }
    const id = await put(peer);
    await putTransport(id, change);
    return id;
  };
}

/** The form of a peer. */
export function PeerForm(props: FormProps) {
  // As it was when the form was opened: what somebody else changes meanwhile is not written back.
  const [seen] = useState(props.transport ?? unset);
  const [name, setName] = useState(props.item?.name ?? "");
  const [ip, setIP] = useState(props.item?.ip ?? "");
  const [port, setPort] = useState(String(props.item?.port ?? 53));
  const [tsig, setTSIG] = useState(props.item?.tsig_id ?? "none");
  const [ixfr, setIXFR] = useState(props.item?.ixfr_enable ?? true);
  const [transport, setTransport] = useState(() => draftOf(seen));
  const [dnssec, setDNSSEC] = useState(seen.dnssec);
  const write = usePeerWrite(props);
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
        changesOf(transport, seen),
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
      <TransportFields value={transport} error={save.at} onChange={(change) => setTransport((t) => ({ ...t, ...change }))} />
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

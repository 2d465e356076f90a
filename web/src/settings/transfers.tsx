import { Button } from "@cloudflare/kumo/components/button";
import { Switch } from "@cloudflare/kumo/components/switch";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { api, planOf, result, type Schema } from "../api/client";
import { Preview } from "../drafts/preview";
import { dnsSettingsQuery, outgoingQuery, outgoingStatusQuery, peersQuery, transferSettingsQuery } from "../api/queries";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { ConfirmDialog } from "../ui/dialogs";
import { span } from "../ui/format";
import { Card } from "../ui/page";
import { LinkPeers } from "./link-peers";
import { ReviewDialog } from "./review";

const modes = [
  ["origin", "Origin: proxied records as they are"],
  ["edge", "Edge: proxied records as their edge addresses"],
] as const;

/** DNS Zone Transfers of one zone: linked peers, the switch, what is transferred, and NOTIFY by hand. */
export function TransfersCard({ zone, account }: { zone: Schema<"Zone">; account: string }) {
  const path = { params: { path: { zone_id: zone.id } } };
  const outgoing = useQuery(outgoingQuery(zone.id)).data;
  const on = useQuery(outgoingStatusQuery(zone.id)).data === "Enabled";
  const mode = useQuery(transferSettingsQuery(zone.id)).data?.mode ?? "origin";
  const peers = useQuery(peersQuery(account)).data ?? [];
  const [linking, setLinking] = useState(false);
  const [reviewing, setReviewing] = useState(false);
  const [disabling, setDisabling] = useState(false);
  const expire = useQuery(dnsSettingsQuery(zone.id)).data?.soa.expire;
  const disable = useAction({
    quiet: true,
    then: () => setDisabling(false),
    done: "Outgoing zone transfers are disabled",
    stale: [["outgoing-status", zone.id], ["secondaries", zone.id]],
    run: () => result(api.POST("/client/v4/zones/{zone_id}/secondary_dns/outgoing/disable", { ...path, body: {} })),
  });
  const notify = useAction({
    done: "NOTIFY sent",
    stale: [["secondaries", zone.id]],
    run: () => result(api.POST("/client/v4/zones/{zone_id}/secondary_dns/outgoing/force_notify", { ...path, body: {} })),
  });
  const sendMode = (m: Schema<"TransferMode">, headers: Record<string, string> = {}) =>
    result(api.PATCH("/headwater/v1/zones/{zone_id}/transfer_settings", { ...path, headers, body: { mode: m } }));
  const setMode = useAction({
    done: "Transfer mode saved",
    undoIn: zone.id,
    stale: [["transfer-settings", zone.id], ["secondaries", zone.id]],
    run: (m: Schema<"TransferMode">) => sendMode(m),
  });
  const other = mode === "edge" ? "origin" : "edge";
  const linked = outgoing?.peers.map((id) => peers.find((p) => p.id === id)?.name ?? id) ?? [];
  return (
    <Card
      title="DNS Zone Transfers"
      description="Outgoing transfers let secondaries copy this zone and follow its changes."
      actions={<Button onClick={() => setLinking(true)}>Manage linked peers</Button>}
    >
      <div className="flex flex-col gap-5">
        <p className="m-0 text-sm">
          <span className="text-kumo-subtle">Linked peers: </span>
          {linked.join(", ") || "none"}
        </p>
        <div className="flex flex-wrap items-center justify-between gap-3">
          <Switch
            label="Outgoing Zone Transfers"
            checked={on}
            disabled={!outgoing || disable.busy}
            onCheckedChange={(next) => (next ? setReviewing(true) : setDisabling(true))}
          />
          <Button disabled={!on} loading={notify.busy} onClick={() => notify.run()}>
            Force DNS NOTIFY
          </Button>
        </div>
        {!outgoing && <p className="m-0 text-sm text-kumo-subtle">Link peers first; then transfers can be switched on.</p>}
        <div id="transfer-mode">
          <Choice label="Transfer mode" value={mode} options={modes} onChange={setMode.run} />
        </div>
        <Preview zone={zone.id} of={`mode ${other}`} label={`Preview the mode “${other}”`} plan={() => planOf((headers) => sendMode(other, headers))} />
      </div>
      {linking && <LinkPeers zone={zone} account={account} outgoing={outgoing ?? null} onClose={() => setLinking(false)} />}
      <ConfirmDialog
        open={disabling}
        title="Switch outgoing transfers off"
        text={
          `From then on ${linked.length === 0 ? "every secondary" : linked.join(", ")} is refused. ` +
          `What ${linked.length === 1 ? "it has" : "they have"} is answered ${expire ? `for ${span(expire)} more (the zone's expire time)` : "until the zone expires there"}, and then fails.`
        }
        submit="Switch off"
        busy={disable.busy}
        error={disable.error}
        onClose={() => setDisabling(false)}
        onConfirm={disable.run}
      />
      {reviewing && <ReviewDialog zone={zone} onClose={() => setReviewing(false)} />}
    </Card>
  );
}

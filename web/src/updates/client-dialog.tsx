import { Input } from "@cloudflare/kumo/components/input";
import { Link } from "@cloudflare/kumo/components/link";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { serverQuery, tsigsQuery } from "../api/queries";
import type { UpdatePolicy } from "../api/updates";
import { ConfigText } from "../ui/config-text";
import { InfoDialog } from "../ui/dialogs";
import { clientConfig, clients, type Client } from "./client-config";

/** Ready-made configuration of a client for a policy. */
export function ClientDialog(props: { account: string; zone: string; policy: UpdatePolicy; onClose: () => void }) {
  const { account, zone, policy } = props;
  const listening = useQuery(serverQuery).data?.dns_port;
  const algo = useQuery(tsigsQuery(account)).data?.find((k) => k.id === policy.tsig_id)?.algo ?? "hmac-sha256";
  const [client, setClient] = useState<Client>("nsupdate");
  const [address, setAddress] = useState(window.location.hostname);
  const [typed, setPort] = useState<string | null>(null);
  const port = typed ?? String(listening ?? 53);
  const text = clientConfig(client, { policy, algo, zone, address, port });
  return (
    <InfoDialog
      open
      onClose={props.onClose}
      size="xl"
      title={`Updates with ${policy.tsig_name}`}
      description={
        <>
          Put the key's secret where SECRET stands: it is under <Link href={`/${account}/configurations/dns-zone-transfers?tab=tsig`}>TSIG</Link>, for those who may change keys.
        </>
      }
    >
      <div className="mb-4 grid gap-3 sm:grid-cols-2">
        <Input label="Address of this primary" value={address} onChange={(e) => setAddress(e.target.value)} />
        <Input label="Port" inputMode="numeric" value={port} onChange={(e) => setPort(e.target.value)} />
      </div>
      <ConfigText programs={clients} program={client} onProgram={setClient} text={text} />
    </InfoDialog>
  );
}

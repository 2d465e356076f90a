import { Input } from "@cloudflare/kumo/components/input";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import type { Schema } from "../api/client";
import { serverQuery, standingsQuery } from "../api/queries";
import { ConfigText } from "../ui/config-text";
import { InfoDialog } from "../ui/dialogs";
import { ZoneChoice } from "../ui/zone-choice";
import { secondaryConfig, servers, type Server } from "./secondary-config";

/** Ready-made configuration of a secondary for a key. */
export function ConfigDialog(props: { account: string; open: boolean; tsig: Schema<"TSIG"> | null; zone?: string; onClose: () => void }) {
  const first = useQuery({ ...standingsQuery({ account: props.account, search: "", page: 1, perPage: 1 }), enabled: props.open && !props.zone }).data?.result[0];
  const listening = useQuery(serverQuery).data?.transfer_port;
  const [server, setServer] = useState<Server>("BIND");
  const [picked, setPicked] = useState("");
  const [address, setAddress] = useState(window.location.hostname);
  const [typed, setPort] = useState<string | null>(null);
  const zone = picked || (props.zone ?? first?.name ?? "example.com");
  const port = typed ?? String(listening ?? 53);
  const text = secondaryConfig(server, { zone, address, port, key: props.tsig });
  return (
    <InfoDialog
      open={props.open}
      onClose={props.onClose}
      size="xl"
      title="Configuration for your secondary"
      description="Fill in the address where the secondary reaches this primary, then paste."
    >
      <div className="mb-4 grid gap-3 sm:grid-cols-3">
        {props.zone === undefined && <ZoneChoice account={props.account} label="Zone" by="name" value={zone} onChange={setPicked} />}
        <Input label="Address of this primary" value={address} onChange={(e) => setAddress(e.target.value)} />
        <Input label="Port" inputMode="numeric" value={port} onChange={(e) => setPort(e.target.value)} />
      </div>
      <ConfigText programs={servers} program={server} onProgram={setServer} text={text} />
    </InfoDialog>
  );
}

import { Badge } from "@cloudflare/kumo/components/badge";
import { Input } from "@cloudflare/kumo/components/input";
import { useState, type ReactNode } from "react";
import { api, result, type Schema } from "../api/client";
import { useAction } from "../ui/action";
import { Choice } from "../ui/choice";
import { FormDialog } from "../ui/dialogs";

type Decision = Schema<"AccessDecision">;

/** What a request of a secondary has, as a form holds it. */
export type AccessDraft = { address: string; transport: "udp" | "tcp" | "tls"; kind: "axfr" | "ixfr" | "soa"; key: string; clientKey: string; clientName: string };

export const noRequest: AccessDraft = { address: "", transport: "tcp", kind: "axfr", key: "", clientKey: "", clientName: "" };

/** Whose rule decides, in words. */
function rule(d: Decision): string {
  switch (d.rule) {
    case "peer":
      return `That of the linked peer ${d.peer_name}`;
    case "acl":
      return `That of the ACL ${d.acl_range}`;
    default:
      return "None: no linked peer and no ACL has the address";
  }
}

/** What the server would do with a request: it is asked, and changes nothing. */
export function AccessCheck(props: { zone: string; first: AccessDraft; onClose: () => void }) {
  const [asked, setAsked] = useState(props.first);
  const [decision, setDecision] = useState<Decision | null>(null);
  const check = useAction({
    quiet: true,
    run: () => {
      const { address, transport, kind, key, clientKey, clientName } = asked;
      const client = transport === "tls" ? { ...(clientKey && { client_key: clientKey.trim() }), ...(clientName && { client_name: clientName.trim() }) } : {};
      const body = { address: address.trim(), transport, kind, ...(key && { key: key.trim() }), ...client };
      return result(api.POST("/headwater/v1/zones/{zone_id}/access_check", { params: { path: { zone_id: props.zone } }, body }));
    },
    then: setDecision,
  });
  // What was decided of another request says nothing of this one.
  const set = (change: Partial<AccessDraft>) => {
    setAsked((a) => ({ ...a, ...change }));
    setDecision(null);
  };
  return (
    <FormDialog
      open
      onClose={props.onClose}
      title="Would it be allowed?"
      description="The server decides about this request as it would if it came, and tells by which rule. Nothing is changed."
      submit="Check"
      cancel="Close"
      busy={check.busy}
      error={check.error}
      onSubmit={check.run}
    >
      <Input label="Address" required placeholder="192.0.2.53" autoComplete="off" value={asked.address} error={check.at("/address")} onChange={(e) => set({ address: e.target.value })} />
      <div className="grid items-start gap-4 sm:grid-cols-2">
        <Choice
          label="Transport"
          value={asked.transport}
          options={[["tcp", "TCP"], ["tls", "TLS"], ["udp", "UDP"]]}
          error={check.at("/transport")}
          onChange={(transport) => set({ transport })}
        />
        <Choice
          label="Kind"
          value={asked.kind}
          options={[["axfr", "Whole zone (AXFR)"], ["ixfr", "Differences (IXFR)"], ["soa", "Serial (SOA)"]]}
          error={check.at("/kind")}
          onChange={(kind) => set({ kind })}
        />
      </div>
      <Input label="Key (optional)" description="Name of the TSIG that it is signed with." autoComplete="off" value={asked.key} error={check.at("/key")} onChange={(e) => set({ key: e.target.value })} />
      {asked.transport === "tls" && (
        <>
          <Input
            label="Client key (optional)"
            description="SHA-256 digest of its certificate's public key, in base64."
            className="font-mono"
            autoComplete="off"
            value={asked.clientKey}
            error={check.at("/client_key")}
            onChange={(e) => set({ clientKey: e.target.value })}
          />
          <Input
            label="Client name (optional)"
            description="A name that its certificate has, under the peer's authority."
            autoComplete="off"
            value={asked.clientName}
            error={check.at("/client_name")}
            onChange={(e) => set({ clientName: e.target.value })}
          />
        </>
      )}
      <div role="status">{decision && <Verdict decision={decision} />}</div>
    </FormDialog>
  );
}

function Verdict({ decision: d }: { decision: Decision }) {
  const facts: [string, ReactNode][] = [
    [
      "Answer",
      <Badge appearance="dot" variant={d.allowed ? "success" : "error"}>
        {d.allowed ? "Allowed" : `Refused (${d.rcode})`}
      </Badge>,
    ],
    ["Rule", rule(d)],
  ];
  if (d.reason !== "") facts.push(["Reason", d.reason]);
  if (d.one_of.length > 1) facts.push(["Taken for", `One of ${d.one_of.join(", ")}`]);
  return (
    <dl className="m-0 flex flex-col gap-2 rounded-md bg-kumo-recessed p-4 text-sm text-kumo-default">
      {facts.map(([name, value]) => (
        <div key={name} className="grid grid-cols-[5rem_1fr] gap-2">
          <dt className="font-medium">{name}</dt>
          <dd className="m-0 min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

import { Badge } from "@cloudflare/kumo/components/badge";
import { queryOptions, useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { serverQuery } from "../api/queries";
import { Fact } from "../ui/fact";
import { Notice } from "../ui/notice";
import { Card, Loaded } from "../ui/page";

/** How often the node is asked, in milliseconds. */
const pause = 10_000;

/** What the server can do, and how it stands now: elsewhere what was once read does. */
export const serverNowQuery = queryOptions({ ...serverQuery, staleTime: 0, refetchInterval: pause });

/** What /readyz tells in order, a line each; every other line is about something that is not as it should be. */
const known: Record<string, string> = { roles: "Roles", zones: "Zones", seq: "Last change that it has", nodes: "Nodes of this server" };

type Health = { ready: boolean; facts: [name: string, value: string][]; told: string[] };

/** Reads what a node says of itself. */
export function readHealth(ready: boolean, text: string): Health {
  const out: Health = { ready, facts: [], told: [] };
  for (const line of text.split("\n").filter((l) => l !== "" && l !== "ready")) {
    const [first = "", ...rest] = line.split(" ");
    const name = rest.length === 1 || first === "roles" ? known[first] : undefined;
    if (name === undefined) out.told.push(line.charAt(0).toUpperCase() + line.slice(1));
    else out.facts.push([name, rest.join(" ").replaceAll(",", ", ")]);
  }
  return out;
}

async function askHealth(): Promise<Health> {
  const answer = await fetch("/readyz", { cache: "no-store" });
  return readHealth(answer.ok, await answer.text());
}

/** Whether the node is ready, what is wrong with it, and what it has for the zones. */
export function HealthCard() {
  const health = useQuery({ queryKey: ["health"], refetchInterval: pause, queryFn: askHealth });
  const server = useQuery(serverNowQuery).data;
  return (
    <Card
      title="Health"
      actions={
        health.data && (
          <Badge appearance="dot" variant={health.data.ready ? "success" : "error"}>
            {health.data.ready ? "Ready" : "Not ready"}
          </Badge>
        )
      }
    >
      <Loaded query={health}>
        {(h) => (
          <div className="flex flex-col gap-4">
            {h.told.map((t) => (
              <Notice key={t} variant="alert" description={t} />
            ))}
            <dl className="m-0 flex flex-wrap gap-x-10 gap-y-3">
              {h.facts.map(([name, value]) => (
                <Fact key={name} name={name}>
                  {value}
                </Fact>
              ))}
              {server && (
                <>
                  {server.version !== null && (
                    <Fact name="Version of this node">
                      <code className="font-mono break-all">{server.version}</code>
                    </Fact>
                  )}
                  <Fact name="DNS at port">{server.dns_port ?? "None"}</Fact>
                  <Fact name="Transfers at port">{server.transfer_port ?? "None"}</Fact>
                  <Lack name="Resolver" there={server.resolver} flag="--resolver">
                    CNAMEs to names elsewhere cannot be flattened.
                  </Lack>
                  <Lack name="Edge addresses" there={server.edge_addresses} flag="--edge-addresses">
                    Records are proxied in accounts with addresses of their own alone.
                  </Lack>
                </>
              )}
            </dl>
          </div>
        )}
      </Loaded>
    </Card>
  );
}

/** Something that a server may be without; what follows from that, and what sets it. */
function Lack(props: { name: string; there: boolean; flag: string; children: ReactNode }) {
  return (
    <Fact name={props.name}>
      {props.there ? (
        "Set"
      ) : (
        <>
          None
          <span className="block text-sm text-kumo-subtle">
            {props.children} <code className="font-mono">{props.flag}</code> sets it.
          </span>
        </>
      )}
    </Fact>
  );
}

import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { serverQuery } from "../api/queries";
import { octets } from "../ui/format";
import { Card, Loaded } from "../ui/page";

type Options = Schema<"DNSOptions">;

const list = (values: string[], none: string) => (values.length === 0 ? none : values.join(", "));

/** Each option by its flag, what it is about, and how it stands. */
function rows(o: Options): readonly (readonly [flag: string, name: string, value: string])[] {
  const limited = o.rate_limit > 0;
  return [
    ["--cookies", "DNS cookies", o.cookies ? "On" : "Off"],
    ["--dns-rate-limit", "Answers a second to one network, over UDP", limited ? o.rate_limit.toLocaleString("en") : "No limit"],
    ["--dns-rate-slip", "Of those beyond it, sent cut", o.rate_slip === 0 ? "None" : o.rate_slip === 1 ? "All" : `One in ${o.rate_slip}`],
    ["--dns-rate-log-only", "What the limit would hold back", o.rate_log_only ? "Counted, and answered" : "Held back"],
    ["--dns-rate-exempt", "Networks without the limit", list(o.rate_exempt, "None")],
    ["--tls-listen", "DNS over TLS", list(o.tls_addresses, "Off")],
    ["--dns-proxies", "Proxies that name their client", list(o.proxies, "None")],
    ["--notify-source", "NOTIFY leaves from", list(o.notify_sources, "An address that the system chooses")],
    ["--report-agent", "Where resolvers report errors", o.report_agent || "Nowhere"],
    ["--zonemd-octets", "Largest zone with a digest", o.zonemd_limit === 0 ? "None has one" : octets(o.zonemd_limit)],
    ["--nsid", "Name in NSID answers", o.nsid || "None"],
  ];
}

/** How this node speaks DNS, for those who run it: to be read here, and set where it is started. */
export function DNSOptionsCard() {
  const server = useQuery(serverQuery);
  return (
    <Card title="DNS options" description="How the node that you are signed in to speaks DNS. Each is set by a flag of headwater serve, or by its environment variable, and takes effect at a start.">
      <Loaded query={server}>
        {(s) =>
          s?.dns_options ? (
            <dl className="m-0 flex flex-col">
              {rows(s.dns_options).map(([flag, name, value]) => (
                <div key={flag} className="grid gap-x-4 border-b border-kumo-hairline py-1.5 text-sm last:border-0 sm:grid-cols-[2fr_1fr_2fr]">
                  <dt className="min-w-0">{name}</dt>
                  <dd className="m-0 min-w-0 font-mono text-kumo-subtle">{flag}</dd>
                  <dd className="m-0 min-w-0 font-medium break-words">{value}</dd>
                </div>
              ))}
            </dl>
          ) : (
            <p className="m-0 text-sm text-kumo-subtle">This node answers no DNS, or you do not administer the server.</p>
          )
        }
      </Loaded>
    </Card>
  );
}

import type { UpdatePolicy } from "../api/updates";

/** What a client's configuration needs to know. The secret is not in it: where it goes stands a word. */
export type ClientFacts = { policy: UpdatePolicy; algo: string; zone: string; address: string; port: string };

/** The clients whose configuration we can write. */
export const clients = ["nsupdate", "certbot"] as const;
export type Client = (typeof clients)[number];

const dotless = (name: string) => name.replace(/\.$/, "");

/** Data of a record to try with, by type. */
const samples: Record<string, string> = {
  A: "192.0.2.77",
  AAAA: "2001:db8::77",
  TXT: '"a test"',
  CNAME: "www.example.net.",
  PTR: "host.example.net.",
  MX: "10 mx.example.net.",
  CAA: '0 issue "ca.example.net"',
  SRV: "10 5 443 www.example.net.",
};

/** A record that the policy lets in, to try with. */
export function sample({ policy, zone }: Pick<ClientFacts, "policy" | "zone">): string {
  const first = policy.names[0];
  const name = dotless(first?.name ?? policy.tsig_name);
  const at = {
    exact: name,
    self: dotless(policy.tsig_name),
    subtree: `host.${name}`,
    wildcard: name.endsWith(".*") ? name.replace(/\*$/, zone) : name.replace(/(^|\.)\*(?=\.)/, "$1host"),
  }[first?.match ?? "self"];
  const type = (policy.types ?? ["A", "TXT"]).find((t) => t in samples && !policy.types_except.includes(t)) ?? "TXT";
  return `${at} 300 ${type} ${samples[type]}`;
}

function nsupdate(f: ClientFacts): string {
  const key = dotless(f.policy.tsig_name);
  return `# ${key}.key, readable by its owner alone
key "${key}" {
    algorithm ${dotless(f.algo)};
    secret "SECRET";
};

# command
nsupdate -k ${key}.key <<END
server ${f.address} ${f.port}
zone ${f.zone}
update add ${sample(f)}
send
END`;
}

function certbot(f: ClientFacts): string {
  return `# rfc2136.ini, readable by its owner alone
dns_rfc2136_server = ${f.address}
dns_rfc2136_port = ${f.port}
dns_rfc2136_name = ${dotless(f.policy.tsig_name)}.
dns_rfc2136_secret = SECRET
dns_rfc2136_algorithm = ${dotless(f.algo).toUpperCase()}

# command
certbot certonly --dns-rfc2136 --dns-rfc2136-credentials rfc2136.ini -d ${f.zone} -d '*.${f.zone}'`;
}

/** Configuration to paste at a client. */
export const clientConfig = (client: Client, facts: ClientFacts): string => ({ nsupdate, certbot })[client](facts);

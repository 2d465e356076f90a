// A small account to look at: a zone with records of many kinds, a key, peers, an ACL and a link.

/** Fills the account through the API; gives what was made. */
export async function fill(server, peer = { ip: "192.0.2.53", port: 53 }) {
  const account = `/client/v4/accounts/${server.account}/secondary_dns`;
  const zone = await server.api("POST", "/client/v4/zones", { name: "example.com", account: { id: server.account } });
  await server.api("POST", "/client/v4/zones", { name: "example.org", account: { id: server.account } });
  const records = [
    { type: "A", name: "@", content: "192.0.2.10", proxied: true, comment: "Web server", tags: ["team:web"] },
    { type: "AAAA", name: "@", content: "2001:db8::10" },
    { type: "CNAME", name: "www", content: "example.com", proxied: true },
    { type: "MX", name: "@", content: "mx.example.net", priority: 10 },
    { type: "TXT", name: "@", content: "v=spf1 mx -all" },
    { type: "CAA", name: "@", data: { flags: 0, tag: "issue", value: "ca.example.net" } },
    { type: "SRV", name: "_sip._tcp", data: { priority: 10, weight: 5, port: 5060, target: "sip.example.net" } },
    { type: "NS", name: "@", content: "ns.other.example" },
  ];
  await server.api("POST", `/client/v4/zones/${zone.id}/dns_records/batch`, { posts: records });
  const tsig = await server.api("POST", `${account}/tsigs`, { name: "transfer.example.com.", algo: "hmac-sha256" });
  const made = await server.api("POST", `${account}/peers`, { name: "ns-secondary-1", ...peer, tsig_id: tsig.id, ixfr_enable: true });
  await server.api("POST", `${account}/acls`, { name: "monitoring", ip_range: "198.51.100.0/28" });
  const zonePath = `/client/v4/zones/${zone.id}/secondary_dns/outgoing`;
  await server.api("POST", zonePath, { name: zone.name, peers: [made.id] });
  await server.api("POST", `${zonePath}/enable`, {});
  return { zone, tsig, peer: made };
}

/** Every page, by a name for its file. */
export function pagesOf(account) {
  return {
    home: `/${account}/home`,
    "get-started": `/${account}/get-started`,
    overview: `/${account}/example.com`,
    records: `/${account}/example.com/dns/records`,
    "dns-settings": `/${account}/example.com/dns/settings`,
    dnssec: `/${account}/example.com/dns/settings/dnssec`,
    "dynamic-updates": `/${account}/example.com/dns/updates`,
    secondaries: `/${account}/example.com/secondaries`,
    tsig: `/${account}/configurations/dns-zone-transfers?tab=tsig`,
    peers: `/${account}/configurations/dns-zone-transfers?tab=peers`,
    acls: `/${account}/configurations/dns-zone-transfers?tab=acls`,
    members: `/${account}/members`,
    "api-tokens": `/${account}/api-tokens`,
    "audit-log": `/${account}/audit-log`,
    "account-settings": `/${account}/settings`,
    history: `/${account}/example.com/history`,
    "deleted-zones": `/${account}/deleted-zones`,
    alarms: `/${account}/alarms`,
    "alarm-rules": `/${account}/alarms?tab=rules`,
    matrix: `/${account}/secondaries`,
    traffic: `/${account}/traffic`,
    drafts: `/${account}/example.com/drafts`,
    users: "/users",
    server: "/server",
    profile: "/profile",
  };
}

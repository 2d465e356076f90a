/** What a secondary's configuration needs to know. A key without a name means none. */
export type ConfigFacts = {
  zone: string;
  address: string;
  port: string;
  key: { name: string; algo: string; secret: string } | null;
};

/** The servers whose configuration we can write. */
export const servers = ["BIND", "NSD", "Knot DNS", "PowerDNS"] as const;
export type Server = (typeof servers)[number];

const dotless = (name: string) => name.replace(/\.$/, "");

function bind(f: ConfigFacts): string {
  const key = f.key && dotless(f.key.name);
  const parts = [];
  if (f.key) {
    parts.push(`key "${key}" {\n    algorithm ${dotless(f.key.algo)};\n    secret "${f.key.secret}";\n};`);
    parts.push(`server ${f.address} {\n    keys { "${key}"; };\n};`);
  }
  const suffix = key ? ` key "${key}"` : "";
  const notify = key ? `key "${key}"` : f.address;
  parts.push(
    `zone "${f.zone}" {\n    type secondary;\n    file "${f.zone}.zone";\n    primaries { ${f.address} port ${f.port}${suffix}; };\n    allow-notify { ${notify}; };\n};`,
  );
  return parts.join("\n\n");
}

function nsd(f: ConfigFacts): string {
  const key = f.key ? dotless(f.key.name) : "NOKEY";
  const head = f.key
    ? `key:\n    name: "${key}"\n    algorithm: ${dotless(f.key.algo)}\n    secret: "${f.key.secret}"\n\n`
    : "";
  return `${head}zone:\n    name: "${f.zone}"\n    zonefile: "${f.zone}.zone"\n    request-xfr: ${f.address}@${f.port} ${key}\n    allow-notify: ${f.address} ${key}`;
}

function knot(f: ConfigFacts): string {
  const key = f.key && dotless(f.key.name);
  const head = f.key ? `key:\n  - id: ${key}\n    algorithm: ${dotless(f.key.algo)}\n    secret: ${f.key.secret}\n\n` : "";
  const use = key ? `\n    key: ${key}` : "";
  return (
    `${head}remote:\n  - id: headwater\n    address: ${f.address}@${f.port}${use}\n\n` +
    `acl:\n  - id: headwater-notify\n    address: ${f.address}${use}\n    action: notify\n\n` +
    `zone:\n  - domain: ${f.zone}\n    master: headwater\n    acl: headwater-notify`
  );
}

function powerdns(f: ConfigFacts): string {
  const address = f.address.includes(":") ? `[${f.address}]` : f.address;
  const lines = [`# pdns.conf\nsecondary=yes\nallow-notify-from=${f.address}\n\n# commands`];
  if (f.key) lines.push(`pdnsutil import-tsig-key ${dotless(f.key.name)} ${dotless(f.key.algo)} '${f.key.secret}'`);
  lines.push(`pdnsutil create-secondary-zone ${f.zone} ${address}:${f.port}`);
  if (f.key) lines.push(`pdnsutil activate-tsig-key ${f.zone} ${dotless(f.key.name)} secondary`);
  return lines.join("\n");
}

/** Configuration to paste into a secondary. */
export function secondaryConfig(server: Server, facts: ConfigFacts): string {
  return { BIND: bind, NSD: nsd, "Knot DNS": knot, PowerDNS: powerdns }[server](facts);
}

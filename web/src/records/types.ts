/** A field of a record's data, as its form shows it. */
export type DataField = {
  member: string;
  label: string;
  kind: "number" | "text" | "choice";
  max?: number;
  options?: readonly string[];
  preset?: string;
  placeholder?: string;
  optional?: boolean;
  wide?: boolean;
};

/** How records of a type are written: by content (with a priority for some) or by the members of data. */
export type RecordType = {
  content?: { label: string; placeholder: string; long?: boolean };
  priority?: boolean;
  data?: readonly DataField[];
  proxiable?: boolean;
};

/** A placeholder that is not taken for what the field has. */
const none = "a name, or . for none";

const u8 = (member: string, label: string, preset?: string): DataField => ({ member, label, kind: "number", max: 255, preset });
const u16 = (member: string, label: string, preset?: string): DataField => ({ member, label, kind: "number", max: 65535, preset });
const text = (member: string, label: string, placeholder = "", extra: Partial<DataField> = {}): DataField => ({
  member,
  label,
  kind: "text",
  placeholder,
  ...extra,
});
const wide = { wide: true };

const service: RecordType = {
  data: [u16("priority", "Priority", "1"), text("target", "Target", "a name, or . for its own"), text("value", "Value", 'alpn="h3,h2"', { ...wide, optional: true })],
};

const number = (member: string, label: string, preset: string): DataField => ({ member, label, kind: "number", preset });

/** The types that can be made by form, in the order of the list. */
export const recordTypes: Record<string, RecordType> = {
  A: { content: { label: "IPv4 address", placeholder: "192.0.2.1" }, proxiable: true },
  AAAA: { content: { label: "IPv6 address", placeholder: "2001:db8::1" }, proxiable: true },
  CAA: {
    data: [
      u8("flags", "Flags", "0"),
      { member: "tag", label: "Tag", kind: "choice", options: ["issue", "issuewild", "iodef"], preset: "issue" },
      text("value", "CA domain name", "ca.example.net"),
    ],
  },
  CERT: {
    data: [u16("type", "Cert. type"), u16("key_tag", "Key tag"), u8("algorithm", "Algorithm"), text("certificate", "Certificate (base64)", "", wide)],
  },
  CNAME: { content: { label: "Target", placeholder: "www.example.net" }, proxiable: true },
  DNSKEY: {
    data: [u16("flags", "Flags", "257"), u8("protocol", "Protocol", "3"), u8("algorithm", "Algorithm", "13"), text("public_key", "Public key (base64)", "", wide)],
  },
  DS: { data: [u16("key_tag", "Key tag"), u8("algorithm", "Algorithm", "13"), u8("digest_type", "Digest type", "2"), text("digest", "Digest (hexadecimal)", "", wide)] },
  HTTPS: service,
  LOC: {
    data: [
      number("lat_degrees", "Latitude: degrees", "0"),
      number("lat_minutes", "Minutes", "0"),
      number("lat_seconds", "Seconds", "0"),
      { member: "lat_direction", label: "Direction", kind: "choice", options: ["N", "S"], preset: "N" },
      number("long_degrees", "Longitude: degrees", "0"),
      number("long_minutes", "Minutes", "0"),
      number("long_seconds", "Seconds", "0"),
      { member: "long_direction", label: "Direction", kind: "choice", options: ["E", "W"], preset: "E" },
      number("altitude", "Altitude (m)", "0"),
      number("size", "Size (m)", "1"),
      number("precision_horz", "Horizontal precision (m)", "10000"),
      number("precision_vert", "Vertical precision (m)", "10"),
    ],
  },
  MX: { content: { label: "Mail server", placeholder: "mx.example.net" }, priority: true },
  NAPTR: {
    data: [
      u16("order", "Order"),
      u16("preference", "Preference"),
      text("flags", "Flags", "U", { optional: true }),
      text("service", "Service", "E2U+sip", { optional: true }),
      text("regex", "RegEx", "", { optional: true }),
      text("replacement", "Replacement", none),
    ],
  },
  NS: { content: { label: "Nameserver", placeholder: "ns1.example.net" } },
  OPENPGPKEY: { content: { label: "Public key (base64)", placeholder: "", long: true } },
  PTR: { content: { label: "Domain name", placeholder: "host.example.net" } },
  SMIMEA: { data: [u8("usage", "Usage"), u8("selector", "Selector"), u8("matching_type", "Matching type"), text("certificate", "Certificate (hexadecimal)", "", wide)] },
  SRV: { data: [u16("priority", "Priority", "10"), u16("weight", "Weight", "5"), u16("port", "Port"), text("target", "Target", "sip.example.net, or . for none")] },
  SSHFP: { data: [u8("algorithm", "Algorithm"), u8("type", "Fingerprint type"), text("fingerprint", "Fingerprint (hexadecimal)", "", wide)] },
  SVCB: service,
  TLSA: { data: [u8("usage", "Usage"), u8("selector", "Selector"), u8("matching_type", "Matching type"), text("certificate", "Certificate (hexadecimal)", "", wide)] },
  TXT: { content: { label: "Content", placeholder: "v=spf1 -all", long: true } },
  URI: { priority: true, data: [u16("weight", "Weight", "1"), text("target", "Target", "https://example.net/", wide)] },
};

/** Their names. */
export const typeNames = Object.keys(recordTypes);

/** Times to live that can be chosen; 1 is for the server to choose. */
export const ttls = [
  ["1", "Auto"],
  ["60", "1 min"],
  ["120", "2 min"],
  ["300", "5 min"],
  ["600", "10 min"],
  ["900", "15 min"],
  ["1800", "30 min"],
  ["3600", "1 hr"],
  ["7200", "2 hr"],
  ["18000", "5 hr"],
  ["43200", "12 hr"],
  ["86400", "1 day"],
] as const;

/** A TTL as people read it. */
export function ttlText(ttl: number): string {
  return ttls.find(([v]) => v === String(ttl))?.[1] ?? `${ttl} s`;
}

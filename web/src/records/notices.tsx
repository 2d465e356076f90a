import { InfoIcon, WarningIcon } from "@phosphor-icons/react";
import { useQuery } from "@tanstack/react-query";
import type { ComponentProps } from "react";
import type { Schema } from "../api/client";
import { dnsSettingsQuery, outgoingStatusQuery, recordCountQuery, serverQuery, transferSettingsQuery } from "../api/queries";
import { PhoneFold } from "../ui/fold";
import { counted } from "../ui/format";
import { Notice } from "../ui/notice";

/** What an operator should know of the zone's records before secondaries show it. */
export function Notices(props: { zone: Schema<"Zone"> }) {
  const { id, name } = props.zone;
  const on = useQuery(outgoingStatusQuery(id)).data === "Enabled";
  const mode = useQuery(transferSettingsQuery(id)).data?.mode;
  const server = useQuery(serverQuery).data;
  const multi = useQuery(dnsSettingsQuery(id)).data?.multi_provider;
  const proxied = useQuery(recordCountQuery(id, { proxied: "true" })).data ?? 0;
  const apexCNAME = useQuery(recordCountQuery(id, { type: "CNAME", name })).data ?? 0;
  const apexNS = useQuery(recordCountQuery(id, { type: "NS", name })).data ?? 0;
  const list: ComponentProps<typeof Notice>[] = [];
  if (apexCNAME > 0 && server?.resolver === false) {
    list.push({
      variant: "error",
      title: "The CNAME at the zone apex is not answered",
      description:
        "It has to be flattened, and this server has no resolver to ask for its target: queries for addresses of the apex get SERVFAIL, unless the target is a name of this server. Start the server with --resolver, or use A and AAAA records.",
    });
  }
  if (apexCNAME > 0 && server?.resolver !== false && mode !== "edge") {
    list.push({
      variant: "alert",
      title: "CNAME at the zone apex",
      description: "We answer it flattened. Secondaries that get the CNAME itself cannot load it beside SOA and NS: choose the transfer mode “edge” under DNS > Settings, or use A and AAAA records.",
    });
  }
  if (on && proxied > 0) {
    list.push({
      variant: mode === "edge" ? "default" : "alert",
      title: `${counted(proxied, "proxied record")} while outgoing zone transfers are on`,
      description: mode === "edge" ? "Secondaries get the edge addresses of these records." : "Secondaries get the origin of these records, which makes it public.",
    });
  }
  if (apexNS > 0 && multi === false) {
    list.push({
      variant: "alert",
      title: "NS records at the zone apex are ignored",
      description: "They are answered and transferred when multi-provider DNS is on, under DNS > Settings.",
    });
  }
  if (list.length === 0) return null;
  const grave = list.some((n) => n.variant === "error");
  const Mark = list.every((n) => n.variant === "default") ? InfoIcon : WarningIcon;
  return (
    <PhoneFold
      label={list.length === 1 ? String(list[0]!.title) : `${list.length} notes on these records`}
      icon={<Mark aria-hidden weight="fill" className={`size-4 shrink-0 ${grave ? "text-kumo-danger" : "text-kumo-warning"}`} />}
      className="flex flex-col gap-4"
    >
      {list.map((n) => (
        <Notice key={String(n.title)} {...n} />
      ))}
    </PhoneFold>
  );
}

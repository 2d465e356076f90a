import { useQuery } from "@tanstack/react-query";
import type { Schema } from "../api/client";
import { dnsSettingsQuery, outgoingStatusQuery, recordCountQuery, serverQuery, transferSettingsQuery } from "../api/queries";
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
  return (
    <>
      {apexCNAME > 0 && server?.resolver === false && (
        <Notice
          variant="error"
          title="The CNAME at the zone apex is not answered"
          description="It has to be flattened, and this server has no resolver to ask for its target: queries for addresses of the apex get SERVFAIL, unless the target is a name of this server. Start the server with --resolver, or use A and AAAA records."
        />
      )}
      {apexCNAME > 0 && server?.resolver !== false && mode !== "edge" && (
        <Notice
          variant="alert"
          title="CNAME at the zone apex"
          description="We answer it flattened. Secondaries that get the CNAME itself cannot load it beside SOA and NS: choose the transfer mode “edge” under DNS > Settings, or use A and AAAA records."
        />
      )}
      {on && proxied > 0 && (
        <Notice
          variant={mode === "edge" ? "default" : "alert"}
          title={`${counted(proxied, "proxied record")} while outgoing zone transfers are on`}
          description={
            mode === "edge"
              ? "Secondaries get the edge addresses of these records."
              : "Secondaries get the origin of these records, which makes it public."
          }
        />
      )}
      {apexNS > 0 && multi === false && (
        <Notice
          variant="alert"
          title="NS records at the zone apex are ignored"
          description="They are answered and transferred when multi-provider DNS is on, under DNS > Settings."
        />
      )}
    </>
  );
}

import { Tabs } from "@cloudflare/kumo/components/tabs";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { ACLs } from "../transfers/acls";
import { Peers } from "../transfers/peers";
import { TSIGs } from "../transfers/tsigs";
import { Page } from "../ui/page";

type Tab = "tsig" | "peers" | "acls";

/** Manage Account > Configurations > DNS Zone Transfers. */
export default function Transfers() {
  const from = "/signed-in/$account/configurations/dns-zone-transfers";
  const { account } = useParams({ from });
  const { tab = "tsig" } = useSearch({ from });
  const navigate = useNavigate({ from: "/$account/configurations/dns-zone-transfers" });
  return (
    <Page title="DNS Zone Transfers" description="Keys, secondaries and access for the outgoing zone transfers of this account.">
      <Tabs
        variant="underline"
        value={tab}
        onValueChange={(v) => void navigate({ search: { tab: v as Tab } })}
        tabs={[
          { value: "tsig", label: "TSIG" },
          { value: "peers", label: "Peer DNS servers" },
          { value: "acls", label: "ACL" },
        ]}
      />
      {tab === "tsig" && <TSIGs account={account} />}
      {tab === "peers" && <Peers account={account} />}
      {tab === "acls" && <ACLs account={account} />}
    </Page>
  );
}

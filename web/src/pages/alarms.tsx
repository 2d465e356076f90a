import { Tabs } from "@cloudflare/kumo/components/tabs";
import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { AlarmList } from "../alarms/list";
import { Rules } from "../alarms/rules";
import { Webhooks } from "../alarms/webhooks";
import { Page } from "../ui/page";

type Tab = "raised" | "cleared" | "rules" | "receivers";

/** What is wrong in the account, what counts as that, and whom it is told to. */
export default function Alarms() {
  const { account } = useParams({ from: "/signed-in/$account/alarms" });
  const { tab = "raised" } = useSearch({ from: "/signed-in/$account/alarms" });
  const navigate = useNavigate({ from: "/$account/alarms" });
  return (
    <Page title="Alarms">
      <Tabs
        variant="underline"
        value={tab}
        onValueChange={(v) => void navigate({ search: { tab: v as Tab } })}
        tabs={[
          { value: "raised", label: "Raised" },
          { value: "cleared", label: "Cleared" },
          { value: "rules", label: "Rules" },
          { value: "receivers", label: "Receivers" },
        ]}
      />
      {(tab === "raised" || tab === "cleared") && <AlarmList key={tab} account={account} state={tab} />}
      {tab === "rules" && <Rules account={account} />}
      {tab === "receivers" && <Webhooks account={account} />}
    </Page>
  );
}

import { LinkProvider } from "@cloudflare/kumo/utils";
import { Toasty } from "@cloudflare/kumo/components/toast";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "./app.css";
import { queryClient, router, startAtOnce } from "./router";
import { startTheme } from "./theme";
import { AppLink } from "./ui/app-link";

startTheme();
startAtOnce();

createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <LinkProvider component={AppLink}>
        <Toasty>
          <RouterProvider router={router} />
        </Toasty>
      </LinkProvider>
    </QueryClientProvider>
  </StrictMode>,
);

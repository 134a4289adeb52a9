// YASGUI on this service's own endpoint; nothing else is reached.
"use strict";
const place = document.getElementById("yasgui");
const endpoint = location.origin + "/sparql";
const first = "PREFIX calx: <https://w3id.org/calx/>\nSELECT ?graph (COUNT(*) AS ?triples) WHERE { GRAPH ?graph { ?s ?p ?o } } GROUP BY ?graph ORDER BY ?graph LIMIT 100";
Yasgui.Yasqe.defaults.autocompleters = ["variables"];
Yasgui.Yasqe.defaults.value = first;
Yasgui.defaults.requestConfig.endpoint = endpoint;
const yasgui = new Yasgui(place, {
  requestConfig: { endpoint, method: "POST" },
  copyEndpointOnNewTab: false,
  endpointCatalogueOptions: { getData: () => [{ endpoint }] },
  persistenceId: "calx-sparql",
  yasqe: { value: first },
});
document.querySelectorAll("[data-query]").forEach((button) => button.addEventListener("click", () => {
  const tab = yasgui.addTab(true, { ...Yasgui.Tab.getDefaults(), name: button.dataset.name });
  tab.setEndpoint(endpoint);
  tab.setQuery(button.dataset.query);
  tab.query();
  place.scrollIntoView();
}));

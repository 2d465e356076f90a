package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"
)

const (
	chartDir  = "../../deploy/helm/headwater"
	postgres  = "store: postgresql\nsecrets: {database: {name: hw, key: url}, secretKey: {name: hw, key: key}}\n"
	twoNodes  = postgres + "replicas: 2\n"
	namespace = "dns"
)

// render does what helm install does before it speaks to a cluster.
func render(t *testing.T, values string) (files map[string]string, err error) {
	t.Helper()
	c, err := loader.Load(chartDir)
	if err != nil {
		t.Fatal(err)
	}
	given, err := chartutil.ReadValues([]byte(values))
	if err != nil {
		t.Fatal(err)
	}
	all, err := chartutil.ToRenderValues(c, given, chartutil.ReleaseOptions{Name: "one", Namespace: namespace, IsInstall: true}, nil)
	if err != nil {
		return nil, err //nolint:wrapcheck // helm's word is what is tested
	}
	return engine.Render(c, all) //nolint:wrapcheck // likewise
}

// TestChart: whatever may be set, what comes out is what the types of Kubernetes have, and fits together.
func TestChart(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		values   string
		many     bool
		budget   bool
		operator int // objects of the Prometheus operator
	}{
		"as it is":   {"", false, false, 0},
		"sqlite":     {"secrets: {secretKey: {name: hw, key: k}}\npersistence: {size: 100Gi, storageClass: fast}\ndrainSeconds: 0", false, false, 0},
		"settings":   {"settings: {NOTIFY_INTERVAL: 2s, DNS_RATE_LIMIT: 1000000, DNSTAP_SAMPLE: 0.5, COOKIES: false}\nenv: [{name: A, valueFrom: {secretKeyRef: {name: x, key: url}}}]", false, false, 0},
		"postgresql": {postgres, true, false, 0},
		"two nodes":  {twoNodes, true, true, 0},
		"watched":    {twoNodes + "monitoring: {serviceMonitor: {enabled: true, labels: {release: prometheus}}, prometheusRule: {enabled: true}}", true, true, 2},
		"rules":      {"monitoring: {prometheusRule: {enabled: true, labels: {a: b}}}", false, false, 1},
		"everything": {twoNodes + `
image: {repository: r.example/headwater, tag: v1, pullPolicy: Always, pullSecrets: [{name: pull}]}
dns: {type: NodePort, externalTrafficPolicy: Cluster, annotations: {a: "1"}}
api: {type: LoadBalancer, port: 8080, annotations: {b: "2"}}
podAnnotations: {c: d}
nodeSelector: {disk: ssd}
tolerations: [{key: k, operator: Exists}]
affinity: {nodeAffinity: {}}
`, true, true, 0},
		"inside": {"dns: {type: ClusterIP}", false, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files, err := render(t, tt.values)
			if err != nil {
				t.Fatal(err)
			}
			checkChart(t, files, tt.many, tt.budget, tt.operator)
		})
	}
}

// checkChart holds what was rendered against what the manifests are held against, too.
func checkChart(t *testing.T, files map[string]string, many, budget bool, operator int) {
	t.Helper()
	var pod *corev1.PodTemplateSpec
	var services []*corev1.Service
	settings, budgets, ofOperator := 0, 0, 0
	var selectors []*metav1.LabelSelector
	for name, text := range files {
		switch {
		case strings.HasSuffix(name, "NOTES.txt"):
			continue
		case strings.HasSuffix(name, "monitoring.yaml"):
			for doc := range strings.SplitSeq(text, "\n---\n") {
				if strings.TrimSpace(doc) != "" {
					ofOperator++
					checkOperator(t, doc)
				}
			}
			continue
		}
		file := filepath.Join(t.TempDir(), "rendered.yaml")
		if strings.TrimSpace(text) == "" {
			continue
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, o := range objects(t, file) {
			if m, ok := o.(metav1.Object); !ok || m.GetNamespace() != namespace {
				t.Errorf("%s: %T is in no namespace", name, o)
			}
			switch o := o.(type) {
			case *appsv1.StatefulSet:
				if many || *o.Spec.Replicas != 1 || len(o.Spec.VolumeClaimTemplates) != 1 {
					t.Errorf("%+v", o.Spec)
				}
				pod, selectors = &o.Spec.Template, append(selectors, o.Spec.Selector)
				pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: o.Spec.VolumeClaimTemplates[0].Name})
			case *appsv1.Deployment:
				if !many {
					t.Error("nodes that come beside one another share an embedded store")
				}
				pod, selectors = &o.Spec.Template, append(selectors, o.Spec.Selector)
			case *policyv1.PodDisruptionBudget:
				budgets++
				selectors = append(selectors, o.Spec.Selector)
			case *corev1.Service:
				services = append(services, o)
			case *corev1.ConfigMap:
				settings = len(o.Data)
				if v, set := o.Data["HEADWATER_DNS_RATE_LIMIT"]; set && v != "1000000" { // YAML's numbers are JSON's, floats
					t.Errorf("a million became %q", v)
				}
			}
		}
	}
	if pod == nil || len(services) != 2 || settings == 0 || (budgets == 1) != budget || ofOperator != operator {
		t.Fatalf("pod %v, %d services, %d settings, %d budgets, %d objects of the operator", pod, len(services), settings, budgets, ofOperator)
	}
	for _, s := range selectors {
		if sel, err := metav1.LabelSelectorAsSelector(s); err != nil || sel.Empty() || !sel.Matches(labels.Set(pod.Labels)) {
			t.Errorf("%v, %v does not select the pods", sel, err)
		}
	}
	ports := checkContainer(t, &pod.Spec)
	protocols := map[corev1.Protocol]bool{}
	for _, s := range services {
		if len(s.Spec.Selector) == 0 || !labels.SelectorFromSet(s.Spec.Selector).Matches(labels.Set(pod.Labels)) {
			t.Errorf("service %s selects no pod", s.Name)
		}
		for _, p := range s.Spec.Ports {
			if have, ok := ports[p.TargetPort.StrVal]; !ok || have.Protocol != p.Protocol {
				t.Errorf("service %s leads to port %s/%s", s.Name, p.TargetPort.StrVal, p.Protocol)
			}
			protocols[p.Protocol] = protocols[p.Protocol] || p.Port == 53
		}
	}
	if !protocols[corev1.ProtocolTCP] || !protocols[corev1.ProtocolUDP] {
		t.Errorf("%v at port 53", protocols)
	}
	if life := pod.Spec.Containers[0].Lifecycle; life != nil && *pod.Spec.TerminationGracePeriodSeconds < life.PreStop.Sleep.Seconds+15 {
		t.Error("a node is killed amid its end")
	}
	byReference(t, &pod.Spec.Containers[0], many)
}

// byReference: what is secret comes from secrets.
func byReference(t *testing.T, c *corev1.Container, many bool) {
	t.Helper()
	got := map[string]bool{}
	for _, e := range c.Env {
		if e.Name == "HEADWATER_DATABASE" || e.Name == "HEADWATER_SECRET_KEY" {
			got[e.Name] = e.Value == "" && e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil
		}
	}
	for name, is := range got {
		if !is {
			t.Errorf("%s is in the open", name)
		}
	}
	if many != got["HEADWATER_DATABASE"] || many && !got["HEADWATER_SECRET_KEY"] {
		t.Errorf("%v", got)
	}
}

// checkOperator holds an object of the operator against the little that it is to have: its types are not here.
func checkOperator(t *testing.T, doc string) {
	t.Helper()
	var o struct {
		APIVersion, Kind string
		Metadata         metav1.ObjectMeta
		Spec             json.RawMessage
	}
	if err := yaml.UnmarshalStrict([]byte(doc), &o); err != nil || o.APIVersion != "monitoring.coreos.com/v1" || o.Metadata.Namespace != namespace {
		t.Fatalf("%v\n%s", err, doc)
	}
	if o.Kind == "ServiceMonitor" {
		return
	}
	raw, err := os.ReadFile("../../deploy/monitoring/headwater.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	want, err := yaml.YAMLToJSONStrict(raw)
	if err != nil {
		t.Fatal(err)
	}
	var have, ours any
	if json.Unmarshal(o.Spec, &have) != nil || json.Unmarshal(want, &ours) != nil || fmt.Sprint(have) != fmt.Sprint(ours) {
		t.Error("the alerts are not those of deploy/monitoring")
	}
}

// TestChartRefuses: what would lose zones, or show secrets, is refused before anything is installed.
func TestChartRefuses(t *testing.T) {
	t.Parallel()
	for _, values := range []string{
		"replicas: 2", "replicas: 0", "store: mysql", "store: postgresql",
		"store: postgresql\nsecrets: {database: {name: hw, key: url}}",
		"settings: {DATABASE: postgres://a:b@c/d}", "settings: {SECRET_KEY: abc}", "settings: {ADMIN_TOKEN: abc}", "settings: {nameservers: a}",
		"persistance: {size: 1Gi}", "persistence: {size: much}", "dns: {type: Loadbalancer}", "api: {port: 0}",
		twoNodes + "minAvailable: 2", "drainSeconds: -1", "image: {repository: \"\"}",
	} {
		if _, err := render(t, values); err == nil {
			t.Errorf("taken:\n%s", values)
		}
	}
}

// TestChartLint: helm's own word on the chart.
func TestChartLint(t *testing.T) {
	t.Parallel()
	for _, values := range []string{"", twoNodes} {
		given, err := chartutil.ReadValues([]byte(values))
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range lint.All(chartDir, given, namespace, true).Messages {
			if m.Severity > support.InfoSev || m.Err != nil {
				t.Errorf("%s: %v", m.Path, m)
			}
		}
	}
}

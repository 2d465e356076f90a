package deploy_test

import (
	"bytes"
	"io"
	"os"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// objects decodes a manifest into the types of the Kubernetes API. A member that the types do not have, or that stands
// twice, is an error.
func objects(t *testing.T, file string) []runtime.Object {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, appsv1.AddToScheme, policyv1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	decoder := serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer()
	var out []runtime.Object
	for docs := yaml.NewDocumentDecoder(io.NopCloser(bytes.NewReader(raw))); ; {
		buf := make([]byte, len(raw))
		n, err := docs.Read(buf)
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		o, _, err := decoder.Decode(buf[:n], nil, nil)
		if err != nil {
			t.Fatalf("%s, document %d: %v", file, len(out)+1, err)
		}
		out = append(out, o)
	}
}

const manifest = "../../deploy/kubernetes/headwater.yaml"

func TestKubernetes(t *testing.T) {
	t.Parallel()
	var workload *appsv1.Deployment
	var services []*corev1.Service
	var budget *policyv1.PodDisruptionBudget
	for _, o := range objects(t, manifest) {
		m, ok := o.(metav1.Object)
		if !ok || len(validation.IsDNS1123Subdomain(m.GetName())) > 0 {
			t.Errorf("%T has no proper name", o)
		}
		if _, is := o.(*corev1.Namespace); !is && m.GetNamespace() != "headwater" {
			t.Errorf("%s is in namespace %q", m.GetName(), m.GetNamespace())
		}
		switch o := o.(type) {
		case *appsv1.Deployment:
			workload = o
		case *corev1.Service:
			services = append(services, o)
		case *policyv1.PodDisruptionBudget:
			budget = o
		}
	}
	if workload == nil || len(services) != 2 || budget == nil {
		t.Fatal("something is missing")
	}
	pod := labels.Set(workload.Spec.Template.Labels)
	for what, s := range map[string]*metav1.LabelSelector{"deployment": workload.Spec.Selector, "budget": budget.Spec.Selector} {
		if sel, err := metav1.LabelSelectorAsSelector(s); err != nil || sel.Empty() || !sel.Matches(pod) {
			t.Errorf("the %s selects %v, %v", what, sel, err)
		}
	}
	if budget.Spec.MinAvailable.IntValue() >= int(*workload.Spec.Replicas) {
		t.Error("no node may ever be drained")
	}
	ports := checkContainer(t, &workload.Spec.Template.Spec)
	for _, s := range services {
		if len(s.Spec.Selector) == 0 || !labels.SelectorFromSet(s.Spec.Selector).Matches(pod) {
			t.Errorf("service %s selects no pod", s.Name)
		}
		for _, p := range s.Spec.Ports {
			if have, ok := ports[p.TargetPort.StrVal]; !ok || have.Protocol != p.Protocol {
				t.Errorf("service %s leads to port %s/%s, which the pod does not have", s.Name, p.TargetPort.StrVal, p.Protocol)
			}
		}
	}
}

// checkContainer holds the pod against what the restricted profile of pod security wants, and returns its ports by name.
func checkContainer(t *testing.T, pod *corev1.PodSpec) map[string]corev1.ContainerPort {
	t.Helper()
	c := &pod.Containers[0]
	s := c.SecurityContext
	if pod.SecurityContext.RunAsNonRoot == nil || !*pod.SecurityContext.RunAsNonRoot ||
		pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault ||
		*s.AllowPrivilegeEscalation || !*s.ReadOnlyRootFilesystem || len(s.Capabilities.Drop) != 1 || s.Capabilities.Drop[0] != "ALL" {
		t.Error("the restricted profile would refuse the pod")
	}
	if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Memory().IsZero() {
		t.Error("the memory has no bounds")
	}
	ports := map[string]corev1.ContainerPort{}
	for _, p := range c.Ports {
		if len(validation.IsValidPortName(p.Name)) > 0 || ports[p.Name].Name != "" {
			t.Errorf("port %q", p.Name)
		}
		ports[p.Name] = p
	}
	for what, probe := range map[string]*corev1.Probe{"startup": c.StartupProbe, "readiness": c.ReadinessProbe, "liveness": c.LivenessProbe} {
		if probe == nil || probe.HTTPGet == nil || probe.HTTPGet.Port.Type != intstr.String || ports[probe.HTTPGet.Port.StrVal].Name != "http" {
			t.Errorf("%s probe %+v", what, probe)
		}
	}
	mounts := map[string]bool{}
	for _, v := range pod.Volumes {
		mounts[v.Name] = true
	}
	for _, m := range c.VolumeMounts {
		if !mounts[m.Name] {
			t.Errorf("volume %q is mounted and not there", m.Name)
		}
	}
	return ports
}

package manifests

import (
	"strings"

	"gopkg.in/yaml.v3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// kinds are those that are decoded: by kind, the API versions that they have.
// A known kind of the same group in another version is an error, because what
// can't be read can't be predicted.
var kinds = map[string][]string{
	"NetworkPolicy":              {"networking.k8s.io/v1"},
	"Namespace":                  {"v1"},
	"Service":                    {"v1"},
	"Pod":                        {"v1"},
	"ReplicationController":      {"v1"},
	"Deployment":                 {"apps/v1"},
	"StatefulSet":                {"apps/v1"},
	"DaemonSet":                  {"apps/v1"},
	"ReplicaSet":                 {"apps/v1"},
	"Job":                        {"batch/v1"},
	"CronJob":                    {"batch/v1"},
	"AdminNetworkPolicy":         {"policy.networking.k8s.io/v1alpha1"},
	"BaselineAdminNetworkPolicy": {"policy.networking.k8s.io/v1alpha1"},
	"ClusterNetworkPolicy":       {"policy.networking.k8s.io/v1alpha2", "policy.networking.k8s.io/v1beta1"},
}

// coreGroups are the groups that the kinds above live in, or once lived in.
var coreGroups = map[string]bool{
	"": true, "apps": true, "batch": true, "extensions": true,
	"networking.k8s.io": true, "policy.networking.k8s.io": true,
}

// clusterWide kinds have no namespace.
var clusterWide = map[string]bool{
	"Namespace": true, "AdminNetworkPolicy": true, "BaselineAdminNetworkPolicy": true,
	"ClusterNetworkPolicy": true, "CiliumClusterwideNetworkPolicy": true,
	"GlobalNetworkPolicy": true, "Tier": true, "GlobalNetworkSet": true,
	"Node": true, "ClusterRole": true, "ClusterRoleBinding": true, "PersistentVolume": true,
	"CustomResourceDefinition": true, "StorageClass": true, "PriorityClass": true,
	"IngressClass": true, "ClusterIssuer": true, "ValidatingWebhookConfiguration": true,
	"MutatingWebhookConfiguration": true, "APIService": true, "RuntimeClass": true,
}

// unmodelled are other projects' groups and their kinds that let traffic pass or not.
var unmodelled = map[string][]string{
	"cilium.io":             {"CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"},
	"crd.projectcalico.org": {"NetworkPolicy", "GlobalNetworkPolicy", "Tier"},
	"projectcalico.org":     {"NetworkPolicy", "GlobalNetworkPolicy", "Tier"},
	"security.istio.io":     {"AuthorizationPolicy", "PeerAuthentication", "RequestAuthentication"},
	"networking.istio.io":   {"Sidecar", "VirtualService", "DestinationRule"},
	"crd.antrea.io":         {"NetworkPolicy", "ClusterNetworkPolicy", "Tier"},
	"k8s.ovn.org":           {"EgressFirewall", "AdminPolicyBasedExternalRoute"},
	"policy.linkerd.io":     {"Server", "AuthorizationPolicy", "ServerAuthorization"},
}

func groupOf(apiVersion string) string {
	group, _, ok := strings.Cut(apiVersion, "/")
	if !ok {
		return ""
	}
	return group
}

// isUnmodelled says whether the object is another project's policy. A kind of
// such a group that is not in the table but calls itself a policy is one too.
func isUnmodelled(apiVersion, kind string) bool {
	known, ok := unmodelled[groupOf(apiVersion)]
	if !ok || strings.HasPrefix(kind, "Staged") {
		return false
	}
	for _, k := range known {
		if k == kind {
			return true
		}
	}
	return strings.HasSuffix(kind, "NetworkPolicy")
}

// add decodes one document of a known kind into the list where it belongs.
func (o *Objects) add(r reader, doc *yaml.Node, obj Object) error {
	switch obj.Kind {
	case "NetworkPolicy":
		return decodeInto(r, doc, obj, &o.NetworkPolicies)
	case "Namespace":
		return decodeInto(r, doc, obj, &o.NamespaceObjects)
	case "Service":
		return decodeInto(r, doc, obj, &o.Services)
	case "AdminNetworkPolicy":
		return decodeInto(r, doc, obj, &o.AdminPolicies)
	case "BaselineAdminNetworkPolicy":
		return decodeInto(r, doc, obj, &o.BaselinePolicies)
	case "ClusterNetworkPolicy":
		return decodeInto(r, doc, obj, &o.ClusterPolicies)
	}
	template, path, err := podTemplate(r, doc, obj.Kind)
	if err != nil {
		return err
	}
	o.Workloads = append(o.Workloads, Workload{Object: obj, Template: template, Path: path})
	return nil
}

func decodeInto[T any](r reader, doc *yaml.Node, obj Object, list *[]Of[T]) error {
	value := new(T)
	if err := r.decode(doc, value); err != nil {
		return err
	}
	*list = append(*list, Of[T]{Object: obj, Value: value})
	return nil
}

func podTemplate(r reader, doc *yaml.Node, kind string) (corev1.PodTemplateSpec, []any, error) {
	inSpec := []any{"spec", "template"}
	switch kind {
	case "Deployment":
		var v appsv1.Deployment
		err := r.decode(doc, &v)
		return v.Spec.Template, inSpec, err
	case "StatefulSet":
		var v appsv1.StatefulSet
		err := r.decode(doc, &v)
		return v.Spec.Template, inSpec, err
	case "DaemonSet":
		var v appsv1.DaemonSet
		err := r.decode(doc, &v)
		return v.Spec.Template, inSpec, err
	case "ReplicaSet":
		var v appsv1.ReplicaSet
		err := r.decode(doc, &v)
		return v.Spec.Template, inSpec, err
	case "ReplicationController":
		var v corev1.ReplicationController
		if err := r.decode(doc, &v); err != nil || v.Spec.Template == nil {
			return corev1.PodTemplateSpec{}, inSpec, err
		}
		return *v.Spec.Template, inSpec, nil
	case "Job":
		var v batchv1.Job
		err := r.decode(doc, &v)
		return v.Spec.Template, inSpec, err
	case "CronJob":
		var v batchv1.CronJob
		err := r.decode(doc, &v)
		return v.Spec.JobTemplate.Spec.Template, []any{"spec", "jobTemplate", "spec", "template"}, err
	}
	var v corev1.Pod
	err := r.decode(doc, &v)
	return corev1.PodTemplateSpec{ObjectMeta: v.ObjectMeta, Spec: v.Spec}, nil, err
}

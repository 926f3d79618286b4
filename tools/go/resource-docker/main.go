// Command pulumi-resource-docker serves the Docker provider to the Pulumi engine. It stands in for the plugin that
// @pulumi/docker downloads, on machines where that download is out of reach.
package main

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	upstream "github.com/terraform-providers/terraform-provider-docker/internal/provider"
)

// version is set by the linker to the release of @pulumi/docker that this build serves.
var version = "0.0.0"

func main() {
	tfbridge.Main("docker", version, provider(), nil)
}

func provider() tfbridge.ProviderInfo {
	info := tfbridge.ProviderInfo{
		P:       shimv2.NewProvider(upstream.New(version)()),
		Name:    "docker",
		Version: version,
		Config: map[string]*tfbridge.SchemaInfo{
			// The SDK's name for this list is singular.
			"registry_auth": {Name: "registryAuth", MaxItemsOne: tfbridge.False()},
		},
		Resources: map[string]*tfbridge.ResourceInfo{
			"docker_buildx_builder": resource("buildxBuilder", "BuildxBuilder"),
			"docker_config":         resource("serviceConfig", "ServiceConfig"),
			"docker_container":      container(),
			"docker_image":          image(),
			"docker_network":        resource("network", "Network"),
			"docker_plugin":         resource("plugin", "Plugin"),
			"docker_registry_image": resource("registryImage", "RegistryImage"),
			"docker_secret":         resource("secret", "Secret"),
			"docker_service":        resource("service", "Service"),
			"docker_tag":            resource("tag", "Tag"),
			"docker_volume":         resource("volume", "Volume"),
		},
		DataSources: map[string]*tfbridge.DataSourceInfo{
			"docker_image":                    function("getRemoteImage"),
			"docker_logs":                     function("getLogs"),
			"docker_network":                  function("getNetwork"),
			"docker_plugin":                   function("getPlugin"),
			"docker_registry_image":           function("getRegistryImage"),
			"docker_registry_image_manifests": function("getRegistryImageManifests"),
		},
	}
	info.SetAutonaming(255, "-")
	return info
}

func container() *tfbridge.ResourceInfo {
	info := resource("container", "Container")
	// Fixed names and published ports clash when the new container is made before the old one is gone.
	info.DeleteBeforeReplace = true
	info.Fields = map[string]*tfbridge.SchemaInfo{
		// The SDK keeps both names singular although they are lists.
		"command":           {Name: "command"},
		"networks_advanced": {Name: "networksAdvanced"},
	}
	return info
}

func image() *tfbridge.ResourceInfo {
	info := resource("remoteImage", "RemoteImage")
	// An image is named by its reference, never by a random suffix.
	info.Fields = map[string]*tfbridge.SchemaInfo{"name": {Name: "name"}}
	return info
}

func resource(module, name string) *tfbridge.ResourceInfo {
	return &tfbridge.ResourceInfo{Tok: tokens.Type("docker:index/" + module + ":" + name)}
}

func function(name string) *tfbridge.DataSourceInfo {
	return &tfbridge.DataSourceInfo{Tok: tokens.ModuleMember("docker:index/" + name + ":" + name)}
}

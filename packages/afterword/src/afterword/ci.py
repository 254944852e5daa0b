"""Is this a continuous-integration machine, and whose? The list of the `ci-info` package, 4.5.0.

Machines are not people: counted, they would drown the people in the figures.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# One variable, set to anything, tells the vendor.
_VENDORS = {
    "AGOLA_GIT_REF": "Agola CI",
    "ALPIC_HOST": "Alpic",
    "AC_APPCIRCLE": "Appcircle",
    "APPVEYOR": "AppVeyor",
    "CODEBUILD_BUILD_ARN": "AWS CodeBuild",
    "TF_BUILD": "Azure Pipelines",
    "bamboo_planKey": "Bamboo",
    "BITBUCKET_COMMIT": "Bitbucket Pipelines",
    "BITRISE_IO": "Bitrise",
    "BUDDY_WORKSPACE_ID": "Buddy",
    "BUILDKITE": "Buildkite",
    "CAPAWESOME_CLOUD": "Capawesome Cloud",
    "CIRCLECI": "CircleCI",
    "CIRRUS_CI": "Cirrus CI",
    "CF_PAGES": "Cloudflare Pages",
    "WORKERS_CI": "Cloudflare Workers",
    "CF_BUILD_ID": "Codefresh",
    "CM_BUILD_ID": "Codemagic",
    "DRONE": "Drone",
    "DSARI": "dsari",
    "EARTHLY_CI": "Earthly",
    "EAS_BUILD": "Expo Application Services",
    "GERRIT_PROJECT": "Gerrit",
    "GITEA_ACTIONS": "Gitea Actions",
    "GITHUB_ACTIONS": "GitHub Actions",
    "GITLAB_CI": "GitLab CI",
    "GO_PIPELINE_LABEL": "GoCD",
    "BUILDER_OUTPUT": "Google Cloud Build",
    "HARNESS_BUILD_ID": "Harness CI",
    "HUDSON_URL": "Hudson",
    "LAYERCI": "LayerCI",
    "MAGNUM": "Magnum CI",
    "NETLIFY": "Netlify CI",
    "NEVERCODE": "Nevercode",
    "PROW_JOB_ID": "Prow",
    "RELEASE_BUILD_ID": "ReleaseHub",
    "RENDER": "Render",
    "RWX": "RWX",
    "SAILCI": "Sail CI",
    "SCREWDRIVER": "Screwdriver",
    "SEMAPHORE": "Semaphore",
    "STRIDER": "Strider CD",
    "TEAMCITY_VERSION": "TeamCity",
    "TRAVIS": "Travis CI",
    "VELA": "Vela",
    "APPCENTER_BUILD_ID": "Visual Studio App Center",
    "CI_XCODE_PROJECT": "Xcode Cloud",
    "XCS": "Xcode Server",
    "NOW_BUILDER": "Vercel",
    "VERCEL": "Vercel",
}

# Said by many vendors, or by home-made machines.
_GENERIC = frozenset((
    "BUILD_ID",
    "BUILD_NUMBER",
    "CI",
    "CI_APP_ID",
    "CI_BUILD_ID",
    "CI_BUILD_NUMBER",
    "CI_NAME",
    "CONTINUOUS_INTEGRATION",
    "RUN_ID",
))  # fmt: skip


def detect(environment: "Mapping[str, str]") -> str | None:
    """The variable that says so and, where it tells, the vendor's name; None off such machines.

    `CI=false` overrules every other sign, as in `ci-info`.
    """
    if environment.get("CI") == "false":
        return None
    # Through the environment and not through the list: reading a variable costs a decoding.
    found = [name for name in environment if name in _VENDORS or name in _GENERIC]
    for variable in found:
        if variable in _VENDORS and environment[variable]:
            return f"{variable} ({_VENDORS[variable]})"
    for variable in found:
        if environment[variable]:
            return variable
    if "/app/.heroku/node/bin/node" in environment.get("NODE", ""):
        return "NODE (Heroku)"
    return None

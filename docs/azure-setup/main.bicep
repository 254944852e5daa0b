// An Application Insights resource for the telemetry of one command-line tool: a workspace of its
// own with a daily cap, the resource, and a mail when the cap is reached.
//
//   az deployment group create --resource-group NAME --template-file main.bicep \
//     --parameters name=shipit-telemetry mail=you@example.com
//
// Not compiled or deployed by us: neither `bicep` nor an Azure subscription was available. Its syntax
// was checked with another parser (pycep-parser 0.7.1).

@description('Names the workspace and the resource, for example shipit-telemetry.')
param name string

@description('Who is told when the daily cap is reached.')
param mail string

@description('Where the data is kept. It cannot be changed later.')
param location string = resourceGroup().location

@description('Gigabytes a day, as text since Bicep has no fractions. Anyone can send junk: never without.')
param dailyCapGb string = '0.5'

@description('Days that events are kept. The first 90 are free of charge. Tell your users this number.')
@minValue(30)
@maxValue(730)
param retentionDays int = 90

resource workspace 'Microsoft.OperationalInsights/workspaces@2023-09-01' = {
  name: name
  location: location
  properties: {
    sku: {
      name: 'PerGB2018'
    }
    retentionInDays: retentionDays
    workspaceCapping: {
      dailyQuotaGb: json(dailyCapGb)
    }
  }
}

resource insights 'Microsoft.Insights/components@2020-02-02' = {
  name: name
  location: location
  kind: 'other'
  properties: {
    Application_Type: 'other'
    WorkspaceResourceId: workspace.id
    RetentionInDays: retentionDays
    // The client's address is stored as 0.0.0.0. City, state and country are kept from it.
    DisableIpMasking: false
    // Installations hold no credentials: they send with the key in the connection string.
    DisableLocalAuth: false
    publicNetworkAccessForIngestion: 'Enabled'
    publicNetworkAccessForQuery: 'Enabled'
  }
}

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-people'
  location: 'global'
  properties: {
    groupShortName: 'telemetry'
    enabled: true
    emailReceivers: [
      {
        name: 'maintainer'
        emailAddress: mail
        useCommonAlertSchema: true
      }
    ]
  }
}

resource capReached 'Microsoft.Insights/scheduledQueryRules@2022-06-15' = {
  name: '${name}-cap-reached'
  location: location
  kind: 'LogAlert'
  properties: {
    displayName: '${name}: the daily cap is reached'
    description: 'Nothing more is taken today. Events wait on the machines of your users for up to 30 days.'
    severity: 2
    enabled: true
    scopes: [
      workspace.id
    ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT15M'
    autoMitigate: false
    criteria: {
      allOf: [
        {
          query: '_LogOperation | where Category =~ "Ingestion" | where Detail contains "OverQuota"'
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          failingPeriods: {
            numberOfEvaluationPeriods: 1
            minFailingPeriodsToAlert: 1
          }
        }
      ]
    }
    actions: {
      actionGroups: [
        people.id
      ]
    }
  }
}

@description('Goes into the source of the application. It can add events, and read none.')
output connectionString string = insights.properties.ConnectionString

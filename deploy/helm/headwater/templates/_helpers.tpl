{{- define "headwater.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "headwater.selects" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "headwater.labels" -}}
{{ include "headwater.selects" . }}
app.kubernetes.io/version: {{ .Values.image.tag | default .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "headwater.secret" -}}
valueFrom:
  secretKeyRef:
    name: {{ .name }}
    key: {{ .key }}
{{- end }}

{{- define "headwater.pod" -}}
metadata:
  labels:
    {{- include "headwater.selects" . | nindent 4 }}
  annotations:
    checksum/settings: {{ .Values.settings | toJson | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "headwater.name" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false # a service named headwater would otherwise set HEADWATER_… variables
  # The delay, the end itself (ten seconds), and something to spare.
  terminationGracePeriodSeconds: {{ add .Values.drainSeconds 20 }}
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "headwater.selects" . | nindent 10 }}
  containers:
    - name: headwater
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: ["serve"]
      envFrom:
        - configMapRef:
            name: {{ include "headwater.name" . }}
      env:
        {{- if eq .Values.store "postgresql" }}
        - name: HEADWATER_DATABASE
          {{- include "headwater.secret" .Values.secrets.database | nindent 10 }}
        {{- end }}
        {{- if .Values.secrets.secretKey.name }}
        - name: HEADWATER_SECRET_KEY
          {{- include "headwater.secret" .Values.secrets.secretKey | nindent 10 }}
        {{- end }}
        - name: HEADWATER_NSID
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        - name: GOMEMLIMIT
          value: {{ .Values.goMemLimit | quote }}
        {{- with .Values.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        - name: dns-udp
          containerPort: 5300
          protocol: UDP
        - name: dns-tcp
          containerPort: 5300
          protocol: TCP
        - name: http
          containerPort: 8053
          protocol: TCP
      {{- if .Values.drainSeconds }}
      # Endpoints go at the same time as the end begins: what still comes meanwhile is answered.
      lifecycle:
        preStop:
          sleep:
            seconds: {{ .Values.drainSeconds }}
      {{- end }}
      # A start may load a million zones. Once ready a node stays so without the database: it answers from memory.
      startupProbe:
        httpGet:
          path: /readyz
          port: http
        periodSeconds: 1
        failureThreshold: 300
      readinessProbe:
        httpGet:
          path: /readyz
          port: http
        periodSeconds: 5
      livenessProbe:
        httpGet:
          path: /healthz
          port: http
        periodSeconds: 10
        failureThreshold: 6
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: [ALL]
      volumeMounts:
        - name: data
          mountPath: /data
  {{- if eq .Values.store "postgresql" }}
  volumes:
    - name: data
      emptyDir:
        medium: Memory
        sizeLimit: 1Mi
  {{- end }}
{{- end }}

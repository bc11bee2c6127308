/** Clusters of texts: how they are found, what they are called, and a map of them. */
export { type AgglomerativeOptions, agglomerate, LINKAGES, type Linkage, MOST_ROWS } from "./agglomerative.ts";
export { type Cluster, type Clustering, type ClusterOptions, cluster, METHODS, type Method } from "./cluster.ts";
export { type KMeans, type KMeansOptions, kMeans } from "./kmeans.ts";
export { layOut, type Point } from "./layout.ts";
export { type MapPoint, mapPage } from "./page.ts";
export { meanSilhouette, silhouettes } from "./silhouette.ts";
export { type Rows, unitRows } from "./vectors.ts";
export { clusterWords } from "./words.ts";

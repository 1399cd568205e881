/** Page of the dashboard, as the build makes it from `lib/dashboard/page`. */
declare module "dashboard-page" {
  export const script: string;
  export const style: string;
}

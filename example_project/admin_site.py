from django.contrib import admin

from alhena_tracking.admin_menu import MenuOrderMixin


class ShopAdminSite(MenuOrderMixin, admin.AdminSite):
    pass
